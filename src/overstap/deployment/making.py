"""Creation of everything that a deployment needs before its first start; existing files are kept."""

from collections.abc import Iterator
from pathlib import Path

from overstap.agreements import Agreement, load_all
from overstap.clock import dutch_time, now
from overstap.deployment import env_file
from overstap.deployment.choices import Choices
from overstap.deployment.data_folders import make_folders, set_owner_of_all
from overstap.deployment.proxy import configuration
from overstap.deployment.secret_files import make_secrets
from overstap.errors import OverstapError
from overstap.ledger.region_keys import create_keys, derive_board_keys, load_keys


def make(choices: Choices, *, compose: Path, proxy: Path) -> Iterator[str]:
    """Make secrets, folders, keys, `.env` and the proxy's configuration; yield a line on each.

    Args:
        choices: the choices.
        compose: folder of docker-compose.yaml.
        proxy: file for nginx's configuration; an existing one is kept.

    Raises:
        OverstapError: DEPLOY-002 when the owner of a folder cannot be changed to the containers' account.
    """
    made = make_secrets(choices)
    yield f"secrets       {choices.secrets}: {', '.join(made) or 'all there'}"
    try:
        folders = make_folders(choices.data, choices.regions)
    except PermissionError as error:
        raise OverstapError("DEPLOY-002", folder=str(error.filename)) from error
    yield f"folders       {choices.data}: {', '.join(one.name for one in folders) or 'all there'}"
    agreements, broken = load_all(choices.regions)
    for region in sorted({one.region for one in agreements}):
        yield f"keys          {region}: {_first_keys(choices.data / 'keys', region)}"
        yield f"board's keys  {region}: {_keys_of_the_board(choices.data, region)}"
    for problem in broken:
        yield f"left out      {problem}"
    if choices.is_trial:
        yield from _trial_certificates(choices, agreements)
    set_owner_of_all(choices.data / "keys")
    set_owner_of_all(choices.data / "board")
    set_owner_of_all(choices.data / "trust")
    changed = env_file.write(compose / ".env", env_file.variables(choices) | env_file.compose_files(compose, choices))
    yield f"settings      {compose / '.env'}: {', '.join(changed) or 'unchanged'}"
    certificates = proxy.parent / "tls"
    certificates.mkdir(parents=True, exist_ok=True, mode=0o700)
    if proxy.exists():
        yield f"nginx         {proxy} is there and was left alone"
    else:
        proxy.write_text(configuration(choices, certificates=certificates), encoding="utf-8")
        yield f"nginx         {proxy}; certificates belong in {certificates}"
    yield "next          docker compose up --detach --wait"
    yield f"              sign in at {choices.address} as admin; password: {choices.secrets / 'admin_password'}"
    if choices.is_trial:
        yield "TRIAL         made-up pupils only: certificates are of a development authority that anybody could make"


def _first_keys(folder: Path, region: str) -> str:
    try:
        load_keys(folder, region)
    except OverstapError as error:
        if error.code != "LEDGER-001":
            return str(error)
        key_id = f"{dutch_time(now()):%Y-%m}"
        create_keys(folder, region, key_id)
        return f"made {key_id}; keep a copy that is not beside the database's backup"
    return "there"


def _keys_of_the_board(data: Path, region: str) -> str:
    try:
        return ", ".join(derive_board_keys(data / "keys", data / "board", region)) or "there"
    except OverstapError as error:
        return str(error)


def _trial_certificates(choices: Choices, agreements: list[Agreement]) -> Iterator[str]:
    from overstap.pki.authority import LOOPBACK, make_development_certificates

    for agreement in agreements:
        schools = [one.id for one in (*agreement.primary_schools, *agreement.secondary_schools)]
        hosts = (*LOOPBACK, "desk", *(f"receiver-{school.lower()}" for school in schools))
        make_development_certificates(
            choices.data / "trust", schools=schools, regions=[agreement.region], at=now(), hosts=hosts
        )
        yield f"certificates  {agreement.region}: {len(schools)} schools, of a development authority (TRIAL)"
