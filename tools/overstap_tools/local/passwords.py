"""Generated secrets of a state folder, made at first use and stored."""

import base64
import fcntl
import json
import os
import secrets
from pathlib import Path


class Passwords:
    """The file `secrets.json` of a state folder, mode 0600.

    Args:
        state: the state folder, made when it is not there.
    """

    def __init__(self, state: Path) -> None:
        self._path = state / "secrets.json"

    def get(self, name: str) -> str:
        """Return the secret of that name: 64 characters that are safe in a URL (what RFC 7518 asks for HS512)."""
        return self._get(name, secrets.token_urlsafe(48))

    def fernet_key(self, name: str) -> str:
        """Return the secret of that name in the form of a Fernet key: 32 bytes in padded base64."""
        return self._get(name, base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())

    def _get(self, name: str, fresh: str) -> str:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Two processes that ask at once must get the same secret, so the file is read and written under a lock.
        with os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            text = file.read()
            known: dict[str, str] = json.loads(text) if text else {}
            if name not in known:
                known[name] = fresh
                file.seek(0)
                file.write(json.dumps(known, indent=1))
                file.truncate()
                file.flush()
        return known[name]
