"""SSH key with which a region's conductor signs in at schools' SFTP servers.

`conductor/<region>/sftp.key`, OpenSSH or PEM, mode 0600; its public half `sftp.pub` is what schools put into their
server's `authorized_keys`.
"""

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from overstap.atomic_files import write_atomically
from overstap.errors import OverstapError
from overstap.pki.key_files import check_mode


def ssh_key_file(folder: Path, region: str) -> Path:
    """Return the key file of a region's conductor, checked for its mode.

    Args:
        folder: the trust folder.
        region: region id.

    Raises:
        OverstapError: TRUST-002 no file; TRUST-003 others may read it.
    """
    path = folder / "conductor" / region / "sftp.key"
    check_mode(path)
    return path


def make_ssh_key(folder: Path, region: str) -> str:
    """Make a conductor's Ed25519 key, unless it has one; return the public half as OpenSSH writes it.

    Args:
        folder: the trust folder.
        region: region id.

    Raises:
        OverstapError: TRUST-003 or TRUST-014 when there is a key file that is not in order.
    """
    path = folder / "conductor" / region / "sftp.key"
    if not path.exists():
        made = ed25519.Ed25519PrivateKey.generate()
        form = serialization.PrivateFormat.OpenSSH
        pem = made.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        write_atomically(path, pem, mode=0o600)
    check_mode(path)
    try:
        key = serialization.load_ssh_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise OverstapError("TRUST-014", file=path.name, folder=path.parent.name) from error
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    line = f"{public.decode('ascii')} overstap-{region}"
    write_atomically(path.with_suffix(".pub"), f"{line}\n".encode("ascii"), mode=0o644)
    return line
