"""A signed checkpoint goes out of the house: a file that is written once, and a time stamp of an outside service."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from overstap.closing.checkpoint import make_checkpoint
from overstap.closing.export import newest_checkpoint
from overstap.closing.timestamps import time_stamp
from overstap.ledger import Ledger
from overstap.pki import TrustStore

_FILE_MODE = 0o444


@dataclass(frozen=True, slots=True)
class HandedOut:
    """A checkpoint as it was handed out.

    Args:
        up_to: number of the last line that it covers.
        root: Merkle root over the lines that it covers, in hex.
        line: what its file holds, one line of JSON: who has it can tell a chain that was cut short since.
        file: where it was written; None where no folder was named.
    """

    up_to: int
    root: str
    line: str
    file: Path | None


def hand_out(
    ledger: Ledger, trust: TrustStore, *, region: str, actor: str, at: datetime, folder: Path | None
) -> HandedOut:
    """Sign a region's chain as it is now, and write the checkpoint to a file that is never written again.

    Args:
        ledger: the ledger.
        trust: holds the key with which the region's conductor signs.
        region: region id.
        actor: who does it, for the evidence.
        at: the moment of making.
        folder: where its file goes, such as storage that is written once: `<region>-<number of the last line>.json`.

    Raises:
        OverstapError: TRUST-nnn when the conductor's signing certificate is not in order.
        FileExistsError: there is such a file already: the chain was cut short, and grew again.
    """
    up_to, root = make_checkpoint(ledger, trust, region=region, actor=actor, at=at)
    with ledger.unit(region, actor) as unit:
        line = newest_checkpoint(unit)
    file = _write_once(folder / f"{region}-{up_to}.json", f"{line}\n".encode()) if folder is not None else None
    return HandedOut(up_to, root, line, file)


def stamp(handed_out: HandedOut, service: str) -> Path | None:
    """Have a checkpoint stamped, and write the stamp beside its file; None where it has no file.

    Args:
        handed_out: the checkpoint.
        service: address of a service for time stamps (RFC 3161).

    Raises:
        OverstapError: CLOSING-002 when the service does not stamp it.
    """
    if handed_out.file is None:
        return None
    answer = time_stamp(service, handed_out.file.read_bytes())
    return _write_once(handed_out.file.with_suffix(".tsr"), answer)


def _write_once(path: Path, content: bytes) -> Path:
    with path.open("xb") as out:  # never over one that was written before
        out.write(content)
    path.chmod(_FILE_MODE)
    return path
