"""Mails with a signed checkpoint, by which their recipients can detect a truncated audit chain."""

from collections.abc import Sequence

from overstap.ledger.notifications.outbox import Mail, queue
from overstap.ledger.region_keys import sha256
from overstap.ledger.session import UnitOfWork
from overstap.texts import texts


def queue_checkpoint(unit: UnitOfWork, up_to: int, root: str, line: str, *, to: Sequence[str]) -> int:
    """Queue mails with a checkpoint, which contains no data of pupils; return how many mails are new.

    Args:
        unit: the transaction.
        up_to: number of the last line that it covers.
        root: Merkle root over the lines that it covers, in hex.
        line: the checkpoint as in its file.
        to: addresses (setting OVERSTAP_CHECKPOINT_MAIL).
    """
    words = texts("notices/checkpoint")
    facts = {"region": unit.region, "number": up_to, "root": root}
    text = "\n\n".join([words["text"]["nl"].format(**facts), line, "English", words["text"]["en"].format(**facts)])
    subject = words["subject"]["nl"].format(**facts)
    return queue(
        unit,
        [
            Mail(f"checkpoint/{up_to}/{sha256(one.encode()).hex()[:16]}", "checkpoint", one, subject, f"{text}\n")
            for one in to
        ],
    )
