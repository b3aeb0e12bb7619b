"""Secret files of a deployment, one per secret, made once and never overwritten."""

import base64
import json
import os
import secrets
from pathlib import Path

from overstap.deployment.choices import Choices, MailServer

PASSWORDS = (
    "superuser_password",
    "airflow_password",
    "owner_password",
    "app_password",
    "review_password",
    "school_password",
    "desk_password",
    "board_password",
    "drafts_password",
    "admin_password",
)
"""Passwords of database logins, and of the account `admin` in Airflow."""
SHARED = ("api_secret_key", "jwt_secret")
"""Secrets that Airflow's components share."""
OPTIONAL = ("oidc_secret", "mail_connection")
"""Secrets that are empty without an identity provider or a mail server."""
_FERNET_BYTES = 32


def make_secrets(choices: Choices) -> list[str]:
    """Make missing files; return their names.

    Only the owner has access to their folder. The files are readable by all, since containers read the mounted ones
    under accounts of their own.

    Args:
        choices: the folder, and external secrets, which replace the content of optional files.
    """
    folder = choices.secrets
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    made = [name for name in (*PASSWORDS, *SHARED) if _write_new(folder / name, secrets.token_hex(32))]
    fernet = base64.urlsafe_b64encode(os.urandom(_FERNET_BYTES)).decode()
    made += ["fernet_key"] if _write_new(folder / "fernet_key", fernet) else []
    given = {
        "oidc_secret": choices.oidc_secret,
        "mail_connection": mail_connection(choices.mail) if choices.mail else None,
    }
    for name in OPTIONAL:
        value = given[name]
        if value is not None:
            _replace(folder / name, value)
            made.append(name)
        elif _write_new(folder / name, ""):
            made.append(name)
    return made


def mail_connection(mail: MailServer) -> str:
    """Return a mail server as an Airflow connection of type SMTP."""
    extra = {
        "from_email": mail.sender,
        "disable_ssl": mail.security != "tls",
        "disable_tls": mail.security != "starttls",
    }
    connection = {"conn_type": "smtp", "host": mail.host, "port": mail.port, "extra": extra}
    if mail.login:
        connection |= {"login": mail.login, "password": mail.password or ""}
    return json.dumps(connection)


def _write_new(path: Path, value: str) -> bool:
    """Write a file unless it exists; return whether it was written."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w", encoding="ascii") as out:
        out.write(value)
        os.fchmod(out.fileno(), 0o644)
    return True


def _replace(path: Path, value: str) -> None:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    _write_new(beside, value)
    beside.replace(path)
