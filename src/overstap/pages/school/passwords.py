"""Passwords of school accounts: which are taken, how they are kept (scrypt, RFC 7914), and proving them in lanes."""

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
"""Of zxcvbn: more than 10^8 guesses, so that a hundred a day find nothing in the life of a password."""
_MAX_JUDGED = 72
_LEAST_PART, _LEAST_LETTERS = 3, 6
_WRITTEN_FOR = str.maketrans("4301@$", "aeoias")
_N, _R, _P, _BYTES = 2**16, 8, 1, 32
"""64 MiB and some tenths of a second for each attempt (OWASP's password cheat sheet lists it for scrypt)."""
_MAX_WAITING = 20
_WORDS = INCLUDE / "passwords" / "dutch.txt"


def hashed(password: str, about: Sequence[str] = ()) -> str:
    """Return what is kept of a password.

    Args:
        password: what somebody wants as password.
        about: what belongs to the account: its name, the person's, the school's.

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
    """Tell whether guessers come to a password soon: leaked ones, names, rows of keys, dates, and mixtures of them.

    The lists of leaked passwords, names and words are those of zxcvbn; the Dutch ones are ours (include/passwords).

    Args:
        password: the password.
        about: what belongs to the account.
    """
    known = [part for text in about for part in (text, *re.split(r"[\W_]+", text)) if len(part) >= _LEAST_PART]
    if zxcvbn(password[:_MAX_JUDGED], user_inputs=[*known, *_dutch()])["score"] < _LEAST_SCORE:
        return True
    # It counts a year or a second word as much; guessers write known words beside numbers first of all
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
    """Too many attempts wait to be proven."""


class Prover:
    """Proves passwords, one at a time in each of two lanes: strangers' attempts never stand before a known browser's.

    It holds no connection to the ledger, and takes the memory of two attempts at most.
    """

    def __init__(self) -> None:
        self._lanes = {is_known: ThreadPoolExecutor(1, "passwords") for is_known in (False, True)}
        self._waiting = dict.fromkeys(self._lanes, 0)

    async def proves(self, password: str, kept: str | None, *, is_known: bool) -> bool:
        """Tell whether a password is the one that is kept; takes as long where there is none.

        Args:
            password: what somebody typed.
            kept: what `hashed` gave; None when there is no such account.
            is_known: whether somebody signed in to the account at this browser before.

        Raises:
            BusyError: too many wait already.
        """
        if self._waiting[is_known] >= _MAX_WAITING:
            raise SignInBusyError
        self._waiting[is_known] += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._lanes[is_known], proves, password, kept)
        finally:
            self._waiting[is_known] -= 1


def proves(password: str, kept: str | None) -> bool:
    """Tell whether a password is the one that is kept; arguments as of `Prover.proves`."""
    _, n, r, p, salt, expected = (kept or _NOBODY).split("$")
    derived = _derive(password[:1024], base64.b64decode(salt), int(n), int(r), int(p))
    return hmac.compare_digest(derived, base64.b64decode(expected)) and kept is not None


def _derive(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return Scrypt(salt=salt, length=_BYTES, n=n, r=r, p=p).derive(password.encode())


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


_NOBODY = f"scrypt${_N}${_R}${_P}${_text(bytes(16))}${_text(bytes(_BYTES))}"
