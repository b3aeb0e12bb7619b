"""Access codes, the keys derived from them, and sessions on the pages.

A code is 20 characters of Crockford's Base32: 100 random bits, so that a fast derivation (HKDF, RFC 5869) resists
guessing. The ledger stores hashes of two tokens, one derived from the code and one from code and birth date, and a copy
of the dossier encrypted with a third. It can derive neither code nor birth date from them, and cannot decrypt the copy.
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
    """Tokens and key derived from code and birth date, 32 bytes each.

    Args:
        lookup_token: token of the code, by whose SHA-256 the ledger finds the access.
        proof_token: token of code and birth date, whose SHA-256 the ledger compares.
        copy_key: key of the person's own copy.
    """

    lookup_token: bytes = field(repr=False)
    proof_token: bytes = field(repr=False)
    copy_key: bytes = field(repr=False)


def new_code() -> str:
    """Return a new random code as it is printed: "7K3M-0QWX-..."."""
    return grouped("".join(secrets.choice(_ALPHABET) for _ in range(SIGNS)))


def grouped(code: str) -> str:
    """Return a code in groups of four."""
    return "-".join(code[place : place + 4] for place in range(0, SIGNS, 4))


def read_code(typed: str) -> str | None:
    """Return the 20 characters of a typed code; None when it has another length or other characters.

    Lower case, spaces and dashes are accepted, and so are O for 0, and I and L for 1.
    """
    signs = _BETWEEN.sub("", typed).upper().translate(_READ_AS)
    return signs if len(signs) == SIGNS and all(sign in _ALPHABET for sign in signs) else None


def code_keys(code: str, birth_date: date) -> CodeKeys:
    """Derive the tokens and the key.

    Args:
        code: 20 characters, as `read_code` returns them.
        birth_date: birth date of the pupil.
    """
    both = f"{code}\0{birth_date.isoformat()}"
    return CodeKeys(_derive(code, "finds"), _derive(both, "proves"), _derive(both, "opens"))


def _derive(secret: str, purpose: str) -> bytes:
    return HKDF(SHA256(), TOKEN_BYTES, b"overstap parents' code 1", purpose.encode()).derive(secret.encode())


@dataclass(frozen=True, slots=True)
class PageSession:
    """A signed-in session on the parents' or schools' pages, from the random bytes in its cookie.

    Args:
        secret: 32 random bytes; the ledger stores a hash of the token derived from them.
    """

    secret: bytes = field(repr=False)

    @classmethod
    def new(cls) -> "PageSession":
        """Return a new session."""
        return cls(secrets.token_bytes(TOKEN_BYTES))

    @property
    def token(self) -> bytes:
        """Token by which the ledger finds the session (32 bytes)."""
        return hmac.digest(self.secret, b"token", "sha256")

    @property
    def form_token(self) -> str:
        """Token in each form of the session, against cross-site request forgery (hex)."""
        return hmac.digest(self.secret, b"form", "sha256").hex()

    def seal_key(self, key: bytes) -> bytes:
        """Encrypt the copy's key for this session, so that only the holder of its cookie can decrypt it."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key, b"held")

    def open_key(self, data: bytes) -> bytes:
        """Decrypt the copy's key.

        Raises:
            InvalidTag: it was encrypted for another session.
        """
        return self._cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], b"held")

    @property
    def _cipher(self) -> AESGCM:
        return AESGCM(hmac.digest(self.secret, b"hold", "sha256"))
