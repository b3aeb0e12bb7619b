"""Channel `sftp`: envelopes are put on a school's SFTP server and receipts fetched from it."""

import urllib.parse
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from overstap.agreements.kinds import ChannelKind
from overstap.agreements.model.receiving import ReceivingPart
from overstap.delivery.channels.channel import ChannelContext
from overstap.resources import INCLUDE

if TYPE_CHECKING:
    from overstap.delivery.channels.sftp_channel import SftpChannel

HOST_KEY = r"^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa) [A-Za-z0-9+/]{40,}={0,3}$"
"""A public key as OpenSSH writes it, without a comment."""


class Sftp(ReceivingPart):
    """The school has an SFTP server: envelopes are put there, receipts fetched from there."""

    way: Literal["sftp"]
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:-]*$")]
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    user: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$")]
    folder: Annotated[str, Field(pattern=r"^(/|[A-Za-z0-9_.-]+)(/?[A-Za-z0-9_.-]+)*$")] = "overstap"
    """Below the account's own folder, or absolute."""
    host_key: Annotated[str, Field(pattern=HOST_KEY)]
    """The server's public key; with any other the connection is not made."""


def _open(receives: Sftp, context: ChannelContext) -> "SftpChannel":
    from overstap.delivery.channels.sftp_channel import SftpChannel  # needs the SSH library

    return SftpChannel(receives, region=context.region, trust=context.trust)


def _cell(cell: str) -> dict[str, Any] | None:
    """Read `sftp://user@host:22/folder <host key>`."""
    if not cell.startswith("sftp:"):
        return None
    address, _, host_key = cell.partition(" ")
    found = urllib.parse.urlsplit(address)
    try:
        server = {"host": found.hostname or "", **({"port": found.port} if found.port else {})}
    except ValueError:  # a port that is none: the model says so
        server = {"host": "", "port": 0}
    folder = {"folder": found.path.lstrip("/")} if found.path.strip("/") else {}
    return {"way": "sftp", "user": found.username or "", **server, **folder, "host_key": host_key.strip()}


KIND = ChannelKind(
    model=Sftp,
    help=INCLUDE / "texts" / "channels" / "sftp.yaml",
    open=_open,
    cell=_cell,
    leaves_answers=True,
    address=("host", "port", "user", "folder"),
)
