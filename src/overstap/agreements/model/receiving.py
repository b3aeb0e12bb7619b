"""How a school receives: the block `receives` of a school."""

from typing import Annotated, Literal

from pydantic import Field

from overstap.agreements.model.part import AgreementPart

HOST_KEY = r"^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa) [A-Za-z0-9+/]{40,}={0,3}$"
"""A public key as OpenSSH writes it, without a comment."""


class Push(AgreementPart):
    """The school has an endpoint that takes envelopes over HTTPS with mutual TLS."""

    way: Literal["push"]
    url: Annotated[str, Field(pattern=r"^https://")]


class Pull(AgreementPart):
    """The school asks for each dossier, as in OSO; it stands ready at the region's desk."""

    way: Literal["pull"]
    notify: Annotated[str, Field(pattern=r"^https://")] | None = None
    """Where the school hears that a dossier became ready; None when it just asks."""


class Sftp(AgreementPart):
    """The school has an SFTP server: envelopes are put there, receipts fetched from there."""

    way: Literal["sftp"]
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:-]*$")]
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    user: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$")]
    folder: Annotated[str, Field(pattern=r"^(/|[A-Za-z0-9_.-]+)(/?[A-Za-z0-9_.-]+)*$")] = "overstap"
    """Below the account's own folder, or absolute."""
    host_key: Annotated[str, Field(pattern=HOST_KEY)]
    """The server's public key; with any other the connection is not made."""


class Folder(AgreementPart):
    """The school collects by hand: envelopes lie in a folder, it puts its receipts beside them."""

    way: Literal["folder"]


class ByTrafficCentre(AgreementPart):
    """The school asks through OSO's Traffic Centre, by an adapter of a qualified supplier (docs/traffic-centre.md)."""

    way: Literal["traffic_centre"]
    delivery_point: Annotated[str, Field(pattern=r"^[0-9A-Z]{20}$")]
    """Routing id (routeringskenmerk) of the school's system."""


Receives = Annotated[Push | Pull | Sftp | Folder | ByTrafficCentre, Field(discriminator="way")]
"""How a school receives."""
