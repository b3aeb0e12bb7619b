"""`overstap deploy`: creation of a deployment's secrets and configuration, and preparation of its databases."""

import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

import typer
from rich.console import Console

from overstap.cli._output import progress
from overstap.deployment.choices import Choices, MailServer, check_address
from overstap.errors import OverstapError
from overstap.settings import Settings

app = typer.Typer(help="Deployment: configuration and databases.", no_args_is_help=True)


@app.callback()
def subject() -> None:
    """Deployment: configuration and databases."""


@app.command()
def init(
    address: Annotated[str | None, typer.Option(help="Where a browser finds the board, https://...")] = None,
    review_address: Annotated[str | None, typer.Option(help="Where parents find their pages, https://...")] = None,
    school_address: Annotated[str | None, typer.Option(help="Where schools find their pages, https://...")] = None,
    administrators: Annotated[str | None, typer.Option(help="Accounts for all regions, with commas")] = None,
    trial: Annotated[
        bool, typer.Option("--trial", help="For made-up pupils: development certificates, and every page says so")
    ] = False,
    mail: Annotated[
        str | None, typer.Option(help="Mail server: smtp://login@mail.example.nl:587, or smtps://, or smtp+plain://")
    ] = None,
    mail_from: Annotated[str | None, typer.Option(help="Address that mails come from")] = None,
    mail_password: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="File with the password at the mail server")
    ] = None,
    oidc_issuer: Annotated[str | None, typer.Option(help="Identity provider for sign-in to Airflow")] = None,
    oidc_client: Annotated[str | None, typer.Option(help="Client id there")] = None,
    oidc_secret: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="File with the client secret there")
    ] = None,
    oidc_acr: Annotated[str | None, typer.Option(help="Levels (acr) there that mean a second factor")] = None,
    oidc_account_claim: Annotated[str | None, typer.Option(help="Claim that holds the account")] = None,
    school_oidc_issuer: Annotated[
        str | None, typer.Option(help="Identity provider at which staff of schools may sign in")
    ] = None,
    school_oidc_client: Annotated[str | None, typer.Option(help="Client id of the schools' pages there")] = None,
    school_oidc_secret: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="File with the client secret there")
    ] = None,
    school_oidc_name: Annotated[str | None, typer.Option(help="What it is called on the page, one word")] = None,
    school_oidc_acr: Annotated[str | None, typer.Option(help="Levels (acr) there that mean a second factor")] = None,
    traffic_centre: Annotated[str | None, typer.Option(help="A supplier's adapter to OSO's Traffic Centre")] = None,
    alarm_mail: Annotated[str | None, typer.Option(help="Address that alarms are mailed to")] = None,
    security_contact: Annotated[
        str | None, typer.Option(help="Where a weakness is reported, such as mailto:veilig@example.nl")
    ] = None,
    second_factor: Annotated[
        str | None, typer.Option(help="Second step of signing in for schools: required (in production) or offered")
    ] = None,
    checkpoint_mail: Annotated[str | None, typer.Option(help="Addresses that keep checkpoints of the evidence")] = None,
    timestamps: Annotated[str | None, typer.Option(help="Service for time stamps (RFC 3161)")] = None,
    virus_scanner: Annotated[str | None, typer.Option(help="clamd that looks at attachments, host:port")] = None,
    desk: Annotated[str | None, typer.Option(help="Region whose desk is served, for schools that ask")] = None,
    desk_listen: Annotated[str | None, typer.Option(help="Address and port of the desk, 0.0.0.0:8444")] = None,
    project: Annotated[str | None, typer.Option(help="Name of the deployment, overstap")] = None,
    image: Annotated[str | None, typer.Option(help="Name of the container image, overstap:local")] = None,
    postgres_image: Annotated[
        str | None, typer.Option(help="Image of PostgreSQL, by tag or digest; deploy/init takes the digest")
    ] = None,
    redis_image: Annotated[str | None, typer.Option(help="Image of Redis, by tag or digest")] = None,
    prometheus_image: Annotated[str | None, typer.Option(help="Image of Prometheus, by tag or digest")] = None,
    grafana_image: Annotated[str | None, typer.Option(help="Image of Grafana, by tag or digest")] = None,
    secrets: Annotated[Path | None, typer.Option(help="Folder for secrets, /etc/overstap/secrets")] = None,
    regions: Annotated[Path | None, typer.Option(help="Folder for agreements, /etc/overstap/regions")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder for keys and files, /var/lib/overstap")] = None,
    proxy: Annotated[Path, typer.Option(help="File for nginx's configuration")] = Path("/etc/overstap/nginx.conf"),
    compose: Annotated[Path, typer.Option(help="Folder of docker-compose.yaml; .env is written there")] = Path(),
    network: Annotated[str | None, typer.Option(help="Three numbers of a free network, 10.213.77")] = None,
    board_port: Annotated[int | None, typer.Option(help="Port of the board on 127.0.0.1, 8080")] = None,
    review_port: Annotated[int | None, typer.Option(help="Port of the parents' pages, 8090")] = None,
    school_port: Annotated[int | None, typer.Option(help="Port of the schools' pages, 8091")] = None,
    parallelism: Annotated[
        int | None, typer.Option(min=1, help="How many tasks run at once, 4 to 8 by processors")
    ] = None,
    database_tls: Annotated[
        bool | None, typer.Option(help="Whether the image of PostgreSQL has TLS; deploy/init looks")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Workers of each kind (Celery); 0: tasks run in the scheduler")
    ] = None,
) -> None:
    """Make secrets, folders, .env, nginx's configuration and the regions' first keys; existing ones are kept.

    Asks for the three addresses when they are unknown. Run it as root, and again after each change and each new region;
    an option that is left out keeps its value.
    """
    from overstap.deployment.env_file import chosen_before
    from overstap.deployment.making import make

    given = {
        "address": address,
        "review_address": review_address,
        "school_address": school_address,
        "administrators": administrators,
        "project": project,
        "image": image,
        "postgres_image": postgres_image,
        "redis_image": redis_image,
        "prometheus_image": prometheus_image,
        "grafana_image": grafana_image,
        "secrets": secrets,
        "regions": regions,
        "data": data,
        "network": network,
        "board_port": board_port,
        "review_port": review_port,
        "school_port": school_port,
        "desk_region": desk,
        "desk_listen": desk_listen,
        "parallelism": parallelism,
        "database_tls": database_tls,
        "workers": workers,
        "traffic_centre": traffic_centre,
        "alarm_mail": alarm_mail,
        "security_contact": security_contact,
        "second_factor": second_factor,
        "checkpoint_mail": checkpoint_mail,
        "timestamps": timestamps,
        "virus_scanner": virus_scanner,
        "oidc_issuer": oidc_issuer,
        "oidc_client": oidc_client,
        "oidc_acr": oidc_acr,
        "oidc_account_claim": oidc_account_claim,
        "oidc_secret": oidc_secret.read_text().strip() if oidc_secret else None,
        "school_oidc_issuer": school_oidc_issuer,
        "school_oidc_client": school_oidc_client,
        "school_oidc_name": school_oidc_name,
        "school_oidc_acr": school_oidc_acr,
        "school_oidc_secret": school_oidc_secret.read_text().strip() if school_oidc_secret else None,
        "mail": _mail_server(mail, mail_from, mail_password),
        "is_trial": trial or None,
    }
    known = chosen_before(compose / ".env") | {name: value for name, value in given.items() if value is not None}
    for name, question, example in _QUESTIONS:
        known[name] = (known.get(name) or _ask(name, question, example)).rstrip("/")
    console = Console(highlight=False, soft_wrap=True, markup=False)
    for line in make(Choices(**known), compose=compose, proxy=proxy):
        console.print(line)


_QUESTIONS = (
    ("address", "Where will a browser find Airflow and the board", "https://overstap.example.nl"),
    ("review_address", "Where will parents find their pages", "https://inzage.example.nl"),
    ("school_address", "Where will schools find their pages", "https://scholen.example.nl"),
)


@app.command()
def prepare(
    secrets: Annotated[Path, typer.Option(help="Folder with this service's secrets")] = Path("/run/secrets"),
) -> None:
    """Bring both databases to the newest schema, make regions, logins, roles and accounts, and run the checks.

    Runs at each start; safe to repeat. Agreements that cannot be read, and findings of `overstap doctor`, are reported
    and stop nothing.
    """
    from overstap.orchestration.preparation import add_admin, migrate_airflow, quiet, sync

    quiet()
    from overstap.clock import now
    from overstap.doctor import Level, examine
    from overstap.ledger.migrate import change_count
    from overstap.ledger.preparation import give_passwords, migrate_ledger

    settings = Settings()
    owner = settings.need("ledger_owner")
    console = Console(highlight=False, soft_wrap=True, markup=False)
    with progress("changes of the schema", change_count(owner)) as advance:
        migrated = migrate_ledger(owner, settings.regions, advance)
    for line in (*migrated, *give_passwords(owner, secrets)):
        console.print(line)
    migrate_airflow()
    for line in sync(
        settings.regions, production=settings.production, administrators=settings.administrator_accounts, at=now()
    ):
        console.print(line)
    if add_admin((secrets / "admin_password").read_text().strip()):
        console.print("account admin made; its password is the secret admin_password")
    # Folders, Airflow's components and mail are checked elsewhere: no other service of the deployment runs yet.
    for found in examine(settings, ("settings", "clock", "ledger", "regions", "sign-in")):
        if found.level in (Level.WRONG, Level.MIND):
            console.print(f"{found.level:<7} {found.subject}: {found.says}\n        -> {found.do}")


def is_asked() -> bool:
    """Tell whether somebody sits at a keyboard."""
    return sys.stdin.isatty()


def _ask(name: str, question: str, example: str) -> str:
    if not is_asked():
        raise OverstapError("DEPLOY-003", choice=name, option=f"--{name.replace('_', '-')}")
    while True:
        answer = str(typer.prompt(f"{question} (such as {example})")).strip().rstrip("/")
        try:
            check_address(name, answer)
        except OverstapError as error:
            typer.echo(f"{error.message_en} {error.do_en}")
        else:
            return answer


def _mail_server(address: str | None, sender: str | None, password: Path | None) -> MailServer | None:
    if address is None:
        return None
    found = urlsplit(address)
    ways = {"smtp": ("starttls", 587), "smtps": ("tls", 465), "smtp+plain": ("none", 25)}
    if found.scheme not in ways or not found.hostname:
        raise OverstapError("DEPLOY-001", choice="mail", problem="smtp://login@host:port, smtps:// or smtp+plain://")
    if sender is None:
        raise OverstapError("DEPLOY-003", choice="mail-from", option="--mail-from")
    security, port = ways[found.scheme]
    return MailServer(
        host=found.hostname,
        port=found.port or port,
        sender=sender,
        login=unquote(found.username) if found.username else None,
        password=password.read_text().strip() if password else None,
        security=security,
    )
