"""Secret files of a deployment, one per secret, made once and never overwritten."""

import base64
import json
import os
import secrets
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from overstap.clock import now
from overstap.deployment.choices import Choices, MailServer

PASSWORDS = (
    "superuser_password",
    "airflow_password",
    "owner_password",
    "app_password",
    "review_password",
    "school_password",
    "desk_password",
    "watch_password",
    "board_password",
    "drafts_password",
    "admin_password",
    "redis_password",
)
"""Passwords of database logins, of the account `admin` in Airflow, and of the queue of tasks."""
SHARED = ("api_secret_key", "jwt_secret")
"""Secrets that Airflow's components share."""
OPTIONAL = ("oidc_secret", "school_oidc_secret", "mail_connection")
"""Secrets that are empty without an identity provider or a mail server."""
CERTIFICATES = {"postgres": ("database_certificate", "database_key"), "redis": ("redis_certificate", "redis_key")}
"""Files with certificate and key of the services that answer TLS within the deployment, by their host name."""
_VALID = timedelta(days=3650)
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
    for host, names in CERTIFICATES.items():
        made += _make_certificate(folder, host, names)
    given = {
        "oidc_secret": choices.oidc_secret,
        "school_oidc_secret": choices.school_oidc_secret,
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


def _make_certificate(folder: Path, host: str, names: tuple[str, str]) -> list[str]:
    """Make certificate and key of a service unless both are there; return the names of what was made.

    The certificate stands for itself: who connects believes this one, and no authority.
    """
    if all((folder / name).exists() for name in names):
        return []
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    at = now()
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign"), False
    )
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + _VALID)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, key_cert_sign=True, encipher_only=False, decipher_only=False, **usage
            ),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    for path, content in zip(names, (made.public_bytes(serialization.Encoding.PEM), private), strict=True):
        _replace(folder / path, content.decode())
    return list(names)


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
