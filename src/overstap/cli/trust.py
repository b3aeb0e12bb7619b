"""`overstap trust`: certificates, keys and revocation lists of schools and conductors."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from overstap import clock
from overstap.cli._output import AsJson, print_json, progress
from overstap.errors import OverstapError
from overstap.settings import Settings
from overstap.texts import Count
from overstap.texts import command_sentence as said

app = typer.Typer(help="Certificates and keys of schools and conductors.", no_args_is_help=True)

TrustOption = Annotated[Path | None, typer.Option("--trust", help="Certificate folder (OVERSTAP_TRUST)")]


class KeyChoice(StrEnum):
    """Kinds of keys, repeated here so that the help does not load the cryptography library."""

    P256 = "p256"
    RSA3072 = "rsa3072"
    RSA4096 = "rsa4096"


@app.callback()
def subject() -> None:
    """Certificates and keys of schools and conductors."""


@app.command("dev-authority")
def dev_authority(
    schools: Annotated[list[str], typer.Argument(help="BRIN and branch of each school, such as 99AB00")],
    trust: TrustOption = None,
    region: Annotated[list[str] | None, typer.Option(help="Region whose conductor calls these schools")] = None,
    keys: Annotated[KeyChoice, typer.Option(help="Kind of the signing and decryption keys")] = KeyChoice.P256,
    host: Annotated[list[str] | None, typer.Option(help="Name or address of the schools' endpoints")] = None,
) -> None:
    """Make certificates for trials and tests; existing ones are kept. Refused in production."""
    from overstap.pki.authority import LOOPBACK, KeyKind, make_development_certificates

    if Settings().production:
        raise OverstapError("TRUST-017")
    folder = trust or Settings().need_path("trust")
    with progress("schools and regions", len(schools) + len(region or ())) as advance:
        make_development_certificates(
            folder,
            schools=schools,
            regions=region or (),
            at=clock.now(),
            kind=KeyKind(keys.value),
            hosts=host or LOOPBACK,
            advance=advance,
        )
    Console(highlight=False).print(
        f"certificaten in {folder} van {Count(len(schools)):school|scholen} en {Count(len(region or ())):regio|regio's}"
    )


@app.command("request")
def request_certificates(
    region: Annotated[str, typer.Argument(help="Region whose conductor gets certificates")],
    oin: Annotated[str, typer.Option(help="Your organisation's number (OIN), 20 characters")],
    organisation: Annotated[str, typer.Option(help="Its name")] = "Overstap",
    host: Annotated[list[str] | None, typer.Option(help="Name at which schools reach the desk")] = None,
    keys: Annotated[KeyChoice, typer.Option(help="Kind of the keys")] = KeyChoice.P256,
    trust: TrustOption = None,
) -> None:
    """Make keys and certificate requests for a region's conductor, for an authority (docs/certificates.md)."""
    from overstap.pki.authority import KeyKind
    from overstap.pki.certificate_requests import request_certificates

    made = request_certificates(
        trust or Settings().need_path("trust"),
        region,
        oin=oin,
        organisation=organisation,
        hosts=host or (),
        kind=KeyKind(keys.value),
    )
    console = Console(highlight=False, soft_wrap=True)
    for path in made:
        console.print(f"{path}")
    console.print("hand these to the authority; then: overstap trust accept")


@app.command("accept")
def accept_certificates(
    region: Annotated[str, typer.Argument(help="Region of the conductor")],
    files: Annotated[list[Path], typer.Argument(help="PEM files from the authority", exists=True, dir_okay=False)],
    trust: TrustOption = None,
) -> None:
    """Check certificates that an authority issued, and store each beside its key."""
    from overstap.pki.certificate_requests import accept_certificates

    settings = Settings()
    folder = trust or settings.need_path("trust")
    console = Console(highlight=False, soft_wrap=True)
    for path in accept_certificates(folder, region, files, at=clock.now(), production=settings.production):
        console.print(f"{path}")


@app.command("sftp-key")
def sftp_key(
    region: Annotated[str, typer.Argument(help="Region whose conductor logs in at schools' SFTP servers")],
    trust: TrustOption = None,
) -> None:
    """Make the key for schools' SFTP servers, unless there is one; print the line for their authorized_keys."""
    from overstap.pki.ssh_keys import make_ssh_key

    line = make_ssh_key(trust or Settings().need_path("trust"), region)
    Console(highlight=False, soft_wrap=True).print(line)


@app.command()
def watch(
    trust: TrustOption = None,
    days: Annotated[int, typer.Option(min=0, help="How many days ahead to look")] = 42,
    as_json: AsJson = False,
) -> None:
    """List certificates, authorities and revocation lists that expire soon; exit 1 when there are any."""
    from overstap.pki import TrustStore
    from overstap.pki.expiry import expiring, sentence

    store = TrustStore(trust or Settings().need_path("trust"), production=Settings().production)
    console, at = Console(highlight=False, soft_wrap=True), clock.now()
    found = expiring(store, at=at, days=days)
    if as_json:
        print_json(found)
        raise typer.Exit(1 if found else 0)
    for one in found:
        console.print(f"[{'red' if one.until < at else 'yellow'}]{one.name}[/]: {sentence(one, at=at)}")
        console.print(f"  [dim]{sentence(one, at=at, language='en')}[/]")
    if not found:
        console.print(f"[green]goed[/] {said('trust', 'none_ends', days=days)}")
    raise typer.Exit(1 if found else 0)


@app.command()
def fetch(
    urls: Annotated[list[str] | None, typer.Argument(help="Further addresses of revocation lists")] = None,
    trust: TrustOption = None,
    as_json: AsJson = False,
) -> None:
    """Fetch the revocation lists that certificates name into the folder `ca`; exit 1 when one could not be fetched."""
    from overstap.pki import TrustStore
    from overstap.pki.crl_fetching import fetch_revocation_lists, sentence
    from overstap.texts import texts

    store = TrustStore(trust or Settings().need_path("trust"), production=Settings().production)
    console = Console(highlight=False, soft_wrap=True, markup=False)
    found = []
    with progress("revocation lists", None) as advance:
        for one in fetch_revocation_lists(store, at=clock.now(), more=urls or ()):
            found.append(one)
            advance(1)
            if not as_json:
                console.print(f"{one.url}: {sentence(one)}", style=None if one.is_good else "red")
                console.print(f"  {sentence(one, language='en')}", style="dim")
    if as_json:
        print_json([{"url": one.url, "outcome": one.outcome, "until": one.until} for one in found])
    elif not found:
        words = texts("trust/fetch")["none"]
        console.print(words["nl"])
        console.print(f"  {words['en']}", style="dim")
    raise typer.Exit(0 if all(one.is_good for one in found) else 1)


@app.command()
def crl(
    trust: TrustOption = None,
    revoke: Annotated[list[Path] | None, typer.Option(help="Certificate file to revoke")] = None,
) -> None:
    """Publish new revocation lists of the development authorities, with further certificates when given."""
    from overstap.pki.authority import DevelopmentAuthority
    from overstap.pki.key_files import read_certificates

    if Settings().production:
        raise OverstapError("TRUST-017")
    authority = DevelopmentAuthority(trust or Settings().need_path("trust"), at=clock.now())
    serials = [read_certificates(path)[0].serial_number for path in revoke or ()]
    authority.publish_revocations(*serials)
    revoked = Count(len(serials))
    Console(highlight=False).print(f"intrekkingslijsten vernieuwd, {revoked:certificaat|certificaten} ingetrokken")
