"""Publication of a signed checkpoint, as a file that is written once and a time stamp of an external service."""

from dataclasses import dataclass
from datetime import datetime

from overstap import storage
from overstap.closing.checkpoint import make_checkpoint
from overstap.closing.export import newest_checkpoint
from overstap.closing.timestamps import time_stamp
from overstap.ledger import Ledger
from overstap.pki import TrustStore
from overstap.storage import Place


@dataclass(frozen=True, slots=True)
class PublishedCheckpoint:
    """A published checkpoint.

    Args:
        up_to: number of the last line that it covers.
        root: Merkle root over the lines that it covers, in hex.
        line: content of its file, one line of JSON, by which its holder can detect a truncated chain.
        file: path of its file; None where no folder was given.
    """

    up_to: int
    root: str
    line: str
    file: Place | None


def publish(
    ledger: Ledger, trust: TrustStore, *, region: str, actor: str, at: datetime, folder: Place | None
) -> PublishedCheckpoint:
    """Sign a checkpoint over a region's chain, and write it to a new file.

    Args:
        ledger: the ledger.
        trust: trust store with the signing key of the region's conductor.
        region: region id.
        actor: step or account, recorded in audit lines.
        at: the present moment, aware.
        folder: folder of the file `<region>-<number of the last line>.json`, such as write-once storage; None: no file.

    Raises:
        OverstapError: TRUST-nnn when the conductor's signing certificate cannot be used.
        FileExistsError: the file exists already, so the chain was truncated and grew again.
    """
    up_to, root = make_checkpoint(ledger, trust, region=region, actor=actor, at=at)
    with ledger.unit(region, actor) as unit:
        line = newest_checkpoint(unit)
    if folder is None:
        return PublishedCheckpoint(up_to, root, line, None)
    name, content = f"{region}-{up_to}.json", f"{line}\n".encode()
    return PublishedCheckpoint(up_to, root, line, storage.write_once(folder, name, content))


def time_stamp_file(published: PublishedCheckpoint, service: str) -> Place | None:
    """Request a time stamp of a checkpoint's file, and write it to a `.tsr` file beside it; None where it has no file.

    Args:
        published: the checkpoint.
        service: URL of a time stamp service (RFC 3161).

    Raises:
        OverstapError: CLOSING-002 when the service does not return a valid time stamp.
    """
    if published.file is None:
        return None
    answer = time_stamp(service, f"{published.line}\n".encode())
    return storage.write_once(published.file.parent, f"{published.file.name.removesuffix('.json')}.tsr", answer)
