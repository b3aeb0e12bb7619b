"""Certificate requests of a region's conductor (PKCS#10, RFC 2986), and storage of the issued certificates."""

import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from overstap.atomic_files import write_atomically
from overstap.errors import OverstapError
from overstap.pki.authority import KeyKind, general_name, new_key
from overstap.pki.certificates import label
from overstap.pki.key_files import PrivateKey, key_bytes, read_certificates, read_key
from overstap.pki.roles import Role, extended_key_usage, key_usage
from overstap.pki.trust_store import TrustStore

_OIN = re.compile(r"[0-9A-Z]{20}")
_ROLES = (Role.TLS, Role.SIGNING)
_FILE = re.compile(r"[a-z]+-([0-9]{1,4})\.(?:crt|csr|key|(?i:p12|pfx))")


def request_certificates(
    folder: Path,
    region: str,
    *,
    oin: str,
    organisation: str,
    hosts: Iterable[str],
    kind: KeyKind = KeyKind.P256,
) -> list[Path]:
    """Generate a key and a request for each certificate of a region's conductor; return the request files.

    Args:
        folder: the trust folder.
        region: region id.
        oin: OIN of the organisation (Logius, OIN-Stelsel), for the certificates' subject.
        organisation: name of the organisation.
        hosts: host names and IP addresses of the region's desk; empty without a desk.
        kind: kind of the keys.

    Raises:
        OverstapError: TRUST-030 when `oin` is not an OIN; TRUST-015 when `region` is not a region id.
    """
    if not _OIN.fullmatch(oin):
        raise OverstapError("TRUST-030", oin=oin[:24])
    mine = _folder(folder, region)
    names = [general_name(host) for host in hosts]
    made = []
    for role in _ROLES:
        key = new_key(kind)
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
                x509.NameAttribute(NameOID.COMMON_NAME, f"conductor {region}"),
                x509.NameAttribute(NameOID.SERIAL_NUMBER, oin),
            ]
        )
        builder = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(subject)
            .add_extension(key_usage(role, rsa_key=kind is not KeyKind.P256), critical=True)
            .add_extension(extended_key_usage(role), critical=False)
        )
        if names and role is Role.TLS:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        stem = f"{role.file_stem}-{_next_number(mine, role)}"
        write_atomically(mine / f"{stem}.key", key_bytes(key), mode=0o600)
        asked = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        write_atomically(mine / f"{stem}.csr", asked, mode=0o644)
        made.append(mine / f"{stem}.csr")
    return made


def accept_certificates(
    folder: Path, region: str, files: Iterable[Path], *, at: datetime, production: bool
) -> list[Path]:
    """Store issued certificates beside their keys; return their files.

    Each certificate passes the checks of its use first (`TrustStore.check`), so that no unusable one is stored.

    Args:
        folder: the trust folder.
        region: region id.
        files: PEM files, each with the certificate first and the intermediate authorities after it.
        at: the present moment.
        production: refuse certificates of a development authority.

    Raises:
        OverstapError: TRUST-031 when no key of the region matches; TRUST-005 to TRUST-014 as by `TrustStore.check`.
    """
    mine = _folder(folder, region)
    store = TrustStore(folder, production=production)
    found = []
    for path in files:
        certificates = read_certificates(path)
        key_path = _key_of(mine, certificates[0])
        role = Role.CLIENT if key_path.stem.startswith(Role.CLIENT.file_stem) else Role.SIGNING
        numbers = certificates[0].subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
        oin = str(numbers[0].value) if len(numbers) == 1 else ""
        store.check(certificates[0], role=role, oin=oin, at=at)
        pem = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)
        write_atomically(key_path.with_suffix(".crt"), pem, mode=0o644)
        found.append(key_path.with_suffix(".crt"))
    return found


def _folder(folder: Path, region: str) -> Path:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", region):
        raise OverstapError("TRUST-015", school=region[:20])
    return folder / "conductor" / region


def _next_number(folder: Path, role: Role) -> int:
    names = (path.name for path in folder.glob(f"{role.file_stem}-*"))
    return 1 + max((int(match[1]) for name in names if (match := _FILE.fullmatch(name))), default=0)


def _key_of(folder: Path, certificate: x509.Certificate) -> Path:
    for path in sorted(folder.glob("*-*.key")):
        key: PrivateKey = read_key(path)
        if key.public_key() == certificate.public_key():
            return path
    raise OverstapError("TRUST-031", subject=label(certificate))
