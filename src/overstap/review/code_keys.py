"""Access codes and the keys derived from them.

A code is 20 signs of Crockford's Base32: 100 random bits, so that guessing is hopeless and a fast derivation (HKDF,
RFC 5869) is enough. The ledger keeps hashes of two tokens, one of the code and one of code and birth date, and a copy
of the dossier that opens with a third: neither the code nor the birth date can be had from it, and it cannot open the
copy.
"""

import hmac
import os
import re
import secrets
from dataclasses import dataclass, field
from datetime import date

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SIGNS = 20
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1"})
_BETWEEN = re.compile(r"[\s\-\u2010-\u2015._]+")
_NONCE_BYTES = 12
TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class CodeKeys:
    """What code and birth date give, 32 bytes each.

    Args:
        finds: token that the ledger finds the access by; it keeps the SHA-256.
        proves: token that shows that the birth date is right too; likewise.
        opens: the key of the person's own copy.
    """

    finds: bytes = field(repr=False)
    proves: bytes = field(repr=False)
    opens: bytes = field(repr=False)


def new_code() -> str:
    """Make a code, as it is printed: "7K3M-0QWX-..."."""
    return printed("".join(secrets.choice(_ALPHABET) for _ in range(SIGNS)))


def printed(code: str) -> str:
    """Return a code in groups of four."""
    return "-".join(code[place : place + 4] for place in range(0, SIGNS, 4))


def read_code(typed: str) -> str | None:
    """Return the 20 signs of what somebody typed; None when it has another length or signs that no code has.

    Small letters, spaces and dashes are fine, and so are O for 0, and I and L for 1.
    """
    signs = _BETWEEN.sub("", typed).upper().translate(_READ_AS)
    return signs if len(signs) == SIGNS and all(sign in _ALPHABET for sign in signs) else None


def code_keys(code: str, birth_date: date) -> CodeKeys:
    """Derive the tokens and the key.

    Args:
        code: 20 signs, as `read_code` gives them.
        birth_date: the pupil's.
    """
    both = f"{code}\0{birth_date.isoformat()}"
    return CodeKeys(_derive(code, "finds"), _derive(both, "proves"), _derive(both, "opens"))


def _derive(secret: str, purpose: str) -> bytes:
    return HKDF(SHA256(), TOKEN_BYTES, b"overstap parents' code 1", purpose.encode()).derive(secret.encode())


@dataclass(frozen=True, slots=True)
class Stay:
    """One stay on the pages, made of the random bytes in the cookie; the ledger keeps a hash of the token."""

    secret: bytes = field(repr=False)

    @classmethod
    def new(cls) -> "Stay":
        """Begin one."""
        return cls(secrets.token_bytes(TOKEN_BYTES))

    @property
    def token(self) -> bytes:
        """What the ledger finds it by."""
        return hmac.digest(self.secret, b"token", "sha256")

    @property
    def form_token(self) -> str:
        """What each form of the stay carries, so that no other site can send one (CSRF)."""
        return hmac.digest(self.secret, b"form", "sha256").hex()

    def hold(self, key: bytes) -> bytes:
        """Seal the copy's key for the length of the stay: only who has the cookie gets it back."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._holder.encrypt(nonce, key, b"held")

    def held(self, data: bytes) -> bytes:
        """Return the copy's key.

        Raises:
            InvalidTag: it is not this stay's.
        """
        return self._holder.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], b"held")

    @property
    def _holder(self) -> AESGCM:
        return AESGCM(hmac.digest(self.secret, b"hold", "sha256"))
