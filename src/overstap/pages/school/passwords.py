"""Passwords of school accounts, kept as scrypt (RFC 7914) with a salt of their own."""

import base64
import hmac
import os
import threading

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from overstap.errors import OverstapError

LEAST_CHARACTERS = 12
_N, _R, _P, _BYTES = 2**16, 8, 1, 32
"""64 MiB and some tenths of a second for each attempt (OWASP's password cheat sheet lists it for scrypt)."""
_one_by_one = threading.Lock()
"""Many attempts at once take no more memory than one."""


def hashed(password: str) -> str:
    """Return what is kept of a password.

    Raises:
        OverstapError: SCHOOL-003 when it is shorter than 12 characters.
    """
    if len(password) < LEAST_CHARACTERS:
        raise OverstapError("SCHOOL-003", least=LEAST_CHARACTERS)
    salt = os.urandom(16)
    return f"scrypt${_N}${_R}${_P}${_text(salt)}${_text(_derive(password, salt, _N, _R, _P))}"


def proves(password: str, kept: str | None) -> bool:
    """Tell whether a password is the one that is kept; takes as long where there is none.

    Args:
        password: what somebody typed.
        kept: what `hashed` gave; None when there is no such account.
    """
    _, n, r, p, salt, expected = (kept or _NOBODY).split("$")
    derived = _derive(password[:1024], base64.b64decode(salt), int(n), int(r), int(p))
    return hmac.compare_digest(derived, base64.b64decode(expected)) and kept is not None


def _derive(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    with _one_by_one:
        return Scrypt(salt=salt, length=_BYTES, n=n, r=r, p=p).derive(password.encode())


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


_NOBODY = f"scrypt${_N}${_R}${_P}${_text(bytes(16))}${_text(bytes(_BYTES))}"
