"""Reading and writing of the file `.env` beside docker-compose.yaml, from the choices."""

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from overstap.deployment.choices import Choices

_LINE = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)")


_FOR_WORKERS = "deploy/compose.celery.yaml"

_VARIABLES = {
    "project": "PROJECT",
    "image": "IMAGE",
    "postgres_image": "POSTGRES_IMAGE",
    "redis_image": "REDIS_IMAGE",
    "prometheus_image": "PROMETHEUS_IMAGE",
    "grafana_image": "GRAFANA_IMAGE",
    "secrets": "SECRETS_FOLDER",
    "regions": "REGIONS_FOLDER",
    "data": "DATA_FOLDER",
    "address": "ADDRESS",
    "review_address": "REVIEW_ADDRESS",
    "school_address": "SCHOOL_ADDRESS",
    "network": "NETWORK",
    "board_port": "BOARD_PORT",
    "review_port": "REVIEW_PORT",
    "school_port": "SCHOOL_PORT",
    "parallelism": "PARALLELISM",
    "workers": "WORKERS",
    "administrators": "ADMINISTRATORS",
    "oidc_issuer": "OIDC_ISSUER",
    "oidc_client": "OIDC_CLIENT",
    "oidc_acr": "OIDC_ACR",
    "oidc_account_claim": "OIDC_ACCOUNT_CLAIM",
    "school_oidc_issuer": "SCHOOL_OIDC_ISSUER",
    "school_oidc_client": "SCHOOL_OIDC_CLIENT",
    "school_oidc_name": "SCHOOL_OIDC_NAME",
    "school_oidc_acr": "SCHOOL_OIDC_ACR",
    "desk_region": "DESK_REGION",
    "desk_listen": "DESK_LISTEN",
    "traffic_centre": "TRAFFIC_CENTRE",
    "alarm_mail": "ALARM_MAIL",
    "security_contact": "SECURITY_CONTACT",
    "second_factor": "SECOND_FACTOR",
    "checkpoint_mail": "CHECKPOINT_MAIL",
    "timestamps": "TIMESTAMPS",
    "virus_scanner": "VIRUS_SCANNER",
    "is_trial": "TRIAL",
}
"""Variable of each choice."""


def variables(choices: Choices) -> dict[str, str]:
    """Return all variables that docker-compose.yaml uses."""
    said = {variable: _written(getattr(choices, name)) for name, variable in _VARIABLES.items()}
    return said | {
        "PRODUCTION": _written(not choices.is_trial),
        "INSTANCE_NAME": "Overstap PROEF (TRIAL)" if choices.is_trial else "Overstap",
        "COMPOSE_PROFILES": ",".join(
            name for name, wanted in (("desk", choices.desk_region), ("celery", choices.workers)) if wanted
        ),
        "DATABASE_TLS": "on" if choices.database_tls else "off",
        # A folder without a list is an error (QUALITY-002): it is set only when there is one.
        "REGISTERS": "/var/lib/overstap/registers" if any((choices.data / "registers").glob("*.csv")) else "",
    }


def compose_files(compose: Path, choices: Choices) -> dict[str, str]:
    """Return the variable COMPOSE_FILE with or without the file for workers; empty when it need not be set.

    Args:
        compose: folder of docker-compose.yaml, with the present `.env`.
        choices: the choices.
    """
    said = read(compose / ".env").get("COMPOSE_FILE", "")
    usual = [name for name in ("docker-compose.yaml", "docker-compose.override.yaml") if (compose / name).exists()]
    files = [name for name in said.split(":") if name] or usual or ["docker-compose.yaml"]
    there = _FOR_WORKERS in files
    if bool(choices.workers) == there:
        return {}
    changed = [name for name in files if name != _FOR_WORKERS] if there else [*files, _FOR_WORKERS]
    return {"COMPOSE_FILE": ":".join(changed)}


def chosen_before(path: Path) -> dict[str, Any]:
    """Return the choices in a file, as arguments of `Choices`, without empty ones.

    Args:
        path: the file, which may be missing.
    """
    there = read(path)
    kinds = {field.name: field.type for field in fields(Choices)}
    read_as: dict[Any, Callable[[str], Any]] = {bool: lambda value: value == "true", int: int, Path: Path}
    said = {name: there[variable] for name, variable in _VARIABLES.items() if there.get(variable)}
    known = {name: read_as.get(kinds[name], str)(value) for name, value in said.items()}
    return known | ({"database_tls": there["DATABASE_TLS"] == "on"} if there.get("DATABASE_TLS") else {})


def _written(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def read(path: Path) -> dict[str, str]:
    """Return the variables of a file; empty when it is missing."""
    if not path.exists():
        return {}
    found = (_LINE.fullmatch(line.strip()) for line in path.read_text(encoding="utf-8").splitlines())
    return {match[1]: match[2] for match in found if match}


def write(path: Path, wanted: dict[str, str]) -> list[str]:
    """Set variables in a file; return the names of those that changed.

    Other lines and variables stay unchanged, in their position.

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
