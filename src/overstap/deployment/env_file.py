"""The file `.env` beside docker-compose.yaml: what the choices become there."""

import re
from pathlib import Path

from overstap.deployment.choices import Choices

_LINE = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)")


def variables(choices: Choices) -> dict[str, str]:
    """Return every variable that docker-compose.yaml asks for."""
    return {
        "PROJECT": choices.project,
        "IMAGE": choices.image,
        "SECRETS_FOLDER": str(choices.secrets),
        "REGIONS_FOLDER": str(choices.regions),
        "DATA_FOLDER": str(choices.data),
        "PRODUCTION": str(not choices.is_trial).lower(),
        "TRIAL": str(choices.is_trial).lower(),
        "INSTANCE_NAME": "Overstap PROEF (TRIAL)" if choices.is_trial else "Overstap",
        "ADDRESS": choices.address,
        "REVIEW_ADDRESS": choices.review_address,
        "SCHOOL_ADDRESS": choices.school_address,
        "NETWORK": choices.network,
        "BOARD_PORT": str(choices.board_port),
        "REVIEW_PORT": str(choices.review_port),
        "SCHOOL_PORT": str(choices.school_port),
        "PARALLELISM": str(choices.parallelism),
        "ADMINISTRATORS": choices.administrators,
        "OIDC_ISSUER": choices.oidc_issuer or "",
        "OIDC_CLIENT": choices.oidc_client or "",
        "OIDC_ACCOUNT_CLAIM": choices.oidc_account_claim,
        "TRAFFIC_CENTRE": "",
        "DESK_REGION": choices.desk_region or "",
        "DESK_LISTEN": choices.desk_listen,
        "COMPOSE_PROFILES": "desk" if choices.desk_region else "",
    }


def read(path: Path) -> dict[str, str]:
    """Return the variables of a file; none when it is not there."""
    if not path.exists():
        return {}
    found = (_LINE.fullmatch(line.strip()) for line in path.read_text(encoding="utf-8").splitlines())
    return {match[1]: match[2] for match in found if match}


def write(path: Path, wanted: dict[str, str]) -> list[str]:
    """Bring a file to these variables; return the names of those that changed.

    Lines and variables that are not ours stay as they are, in their place.

    Args:
        path: the file.
        wanted: each variable with its value.
    """
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    before, left = read(path), dict(wanted)
    written = []
    for line in lines:
        match = _LINE.fullmatch(line.strip())
        written.append(f"{match[1]}={left.pop(match[1])}" if match and match[1] in left else line)
    written += [f"{name}={value}" for name, value in left.items()]
    path.write_text("\n".join(written) + "\n", encoding="utf-8")
    return [name for name, value in wanted.items() if before.get(name) != value]
