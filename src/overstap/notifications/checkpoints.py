"""Mails that hold a signed checkpoint: who keeps one can tell evidence that was cut short since."""

from collections.abc import Sequence

from overstap.ledger.notifications.outbox import Mail, queue
from overstap.ledger.region_keys import sha256
from overstap.ledger.session import UnitOfWork
from overstap.texts import texts


def queue_checkpoint(unit: UnitOfWork, up_to: int, root: str, line: str, *, to: Sequence[str]) -> int:
    """Mail a checkpoint to whoever keeps it; nothing of a pupil is in it. Return how many mails were new.

    Args:
        unit: the transaction.
        up_to: number of the last line that it covers.
        root: Merkle root over the lines that it covers, in hex.
        line: the checkpoint as its file has it.
        to: addresses (setting OVERSTAP_CHECKPOINT_MAIL).
    """
    said = texts("notices/checkpoint")
    facts = {"region": unit.region, "number": up_to, "root": root}
    text = "\n\n".join([said["text"]["nl"].format(**facts), line, "English", said["text"]["en"].format(**facts)])
    subject = said["subject"]["nl"].format(**facts)
    return queue(
        unit,
        [
            Mail(f"checkpoint/{up_to}/{sha256(one.encode()).hex()[:16]}", "checkpoint", one, subject, f"{text}\n")
            for one in to
        ],
    )
