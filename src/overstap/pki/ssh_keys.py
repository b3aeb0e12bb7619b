"""SSH key of a region's conductor, for schools' SFTP servers.

The private key is `conductor/<region>/sftp.key`, OpenSSH or PEM, mode 0600; schools add the public key `sftp.pub` to
their server's `authorized_keys`.
"""

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from overstap.atomic_files import write_atomically
from overstap.errors import OverstapError
from overstap.pki.key_files import check_mode


def ssh_key_file(folder: Path, region: str) -> Path:
    """Return the SSH key file of a region's conductor, after a check of its mode.

    Args:
        folder: the trust folder.
        region: region id.

    Raises:
        OverstapError: TRUST-002 no file; TRUST-003 others can read it.
    """
    path = folder / "conductor" / region / "sftp.key"
    check_mode(path)
    return path


def make_ssh_key(folder: Path, region: str) -> str:
    """Generate a conductor's Ed25519 key, unless it has a key; return the public key in OpenSSH format.

    Args:
        folder: the trust folder.
        region: region id.

    Raises:
        OverstapError: TRUST-003 others can read the key file; TRUST-014 it is not readable as a key.
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
