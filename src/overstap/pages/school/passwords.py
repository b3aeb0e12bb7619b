"""Passwords of school accounts: strength check (zxcvbn), hashing and verification with scrypt (RFC 7914)."""

import asyncio
import base64
import hmac
import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from zxcvbn import zxcvbn

from overstap.errors import OverstapError
from overstap.resources import INCLUDE

LEAST_CHARACTERS = 12
_LEAST_SCORE = 3
"""Minimum score of zxcvbn: more than 10^8 guesses, out of reach at a hundred attempts a day."""
_MAX_JUDGED = 72
_LEAST_PART, _LEAST_LETTERS = 3, 6
_WRITTEN_FOR = str.maketrans("4301@$", "aeoias")
_N, _R, _P, _BYTES = 2**16, 8, 1, 32
"""Parameters of scrypt: 64 MiB and some tenths of a second per attempt (OWASP Password Storage Cheat Sheet)."""
_MAX_WAITING = 20
_WORDS = INCLUDE / "passwords" / "dutch.txt"


def hash_password(password: str, about: Sequence[str] = ()) -> str:
    """Return the scrypt hash of a new password, with salt and parameters.

    Args:
        password: the new password.
        about: names that belong to the account: its own, the person's, the school's.

    Raises:
        OverstapError: SCHOOL-003 when it is shorter than 12 characters, SCHOOL-005 when it is easy to guess.
    """
    if len(password) < LEAST_CHARACTERS:
        raise OverstapError("SCHOOL-003", least=LEAST_CHARACTERS)
    if is_guessable(password, about):
        raise OverstapError("SCHOOL-005")
    salt = os.urandom(16)
    return f"scrypt${_N}${_R}${_P}${_text(salt)}${_text(_derive(password, salt, _N, _R, _P))}"


def is_guessable(password: str, about: Sequence[str] = ()) -> bool:
    """Tell whether a password is easy to guess: leaked ones, names, keyboard rows, dates, and combinations of them.

    The lists of leaked passwords, names and words are those of zxcvbn, with Dutch ones added (include/passwords).

    Args:
        password: the password.
        about: names that belong to the account.
    """
    known = [part for text in about for part in (text, *re.split(r"[\W_]+", text)) if len(part) >= _LEAST_PART]
    if zxcvbn(password[:_MAX_JUDGED], user_inputs=[*known, *_dutch()])["score"] < _LEAST_SCORE:
        return True
    # zxcvbn rates a year or a second word too high: attackers try known words with numbers first
    whole = password.lower().translate(_WRITTEN_FOR)
    rest = whole
    for word in sorted({part.lower() for part in (*known, *_dutch())}, key=len, reverse=True):
        rest = rest.replace(word, " ")
    return rest != whole and sum(sign.isalpha() for sign in rest) < _LEAST_LETTERS


@cache
def _dutch() -> tuple[str, ...]:
    lines = _WORDS.read_text(encoding="utf-8").splitlines()
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))


class SignInBusyError(Exception):
    """Too many attempts wait for verification."""


class PasswordVerifier:
    """Verifier of passwords with two queues, so that attempts of unknown browsers never delay those of known ones.

    Each queue verifies one password at a time, which bounds memory to two attempts. Holds no connection to the ledger.
    """

    def __init__(self) -> None:
        self._lanes = {is_known: ThreadPoolExecutor(1, "passwords") for is_known in (False, True)}
        self._waiting = dict.fromkeys(self._lanes, 0)

    async def verify(self, password: str, kept: str | None, *, is_known: bool) -> bool:
        """Tell whether a password matches a hash; takes the same time when there is no hash.

        Args:
            password: the typed password.
            kept: result of `hash_password`; None when there is no such account.
            is_known: whether this browser signed in to the account before.

        Raises:
            SignInBusyError: too many attempts wait already.
        """
        if self._waiting[is_known] >= _MAX_WAITING:
            raise SignInBusyError
        self._waiting[is_known] += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._lanes[is_known], verify, password, kept)
        finally:
            self._waiting[is_known] -= 1


def verify(password: str, kept: str | None) -> bool:
    """Tell whether a password matches a hash; arguments as of `PasswordVerifier.verify`."""
    _, n, r, p, salt, expected = (kept or _NOBODY).split("$")
    derived = _derive(password[:1024], base64.b64decode(salt), int(n), int(r), int(p))
    return hmac.compare_digest(derived, base64.b64decode(expected)) and kept is not None


def _derive(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return Scrypt(salt=salt, length=_BYTES, n=n, r=r, p=p).derive(password.encode())


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


_NOBODY = f"scrypt${_N}${_R}${_P}${_text(bytes(16))}${_text(bytes(_BYTES))}"
