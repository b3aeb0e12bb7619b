"""Steps of the form that were sent after their session had ended: kept sealed in the answer, saved after signing in.

The server stores nothing of them. The page holds the sealed text, a cookie of the browser its key; neither says
anything without the other. A mark in each form binds it to the account for which it was made, so that nobody else
saves it.
"""

import hmac
import json
import secrets
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from overstap.pages.parents.forms import clean

KEY_BYTES = 32
_NONCE_BYTES = 12
_MOST_BYTES = 4_000_000
"""Most that is unpacked: a form has no more text."""


@dataclass(frozen=True, slots=True)
class KeptStep:
    """A step as it was sent.

    Args:
        number: number of the version that was shown.
        fields: names and texts of the form.
        mark: mark of the form, which says for which account it was made.
        has_files: whether files were sent with it; they are not kept.
    """

    number: int
    fields: Sequence[tuple[str, str]] = field(repr=False)
    mark: str = field(repr=False)
    has_files: bool


def new_key() -> bytes:
    """Return a new key of a browser."""
    return secrets.token_bytes(KEY_BYTES)


def mark_of(key: bytes, account: str, place: str) -> str:
    """Return the mark of a form.

    Args:
        key: the browser's key.
        account: login for which the form is made.
        place: the form's address.
    """
    return hmac.digest(_derived(key, "mark"), f"{account}\0{place}".encode(), "sha256").hex()


def is_mark(mark: str, key: bytes, account: str, place: str) -> bool:
    """Return whether a form was made for an account, in this browser; arguments as of `mark_of`."""
    return hmac.compare_digest(mark.encode(), mark_of(key, account, place).encode())


def sealed(key: bytes, step: KeptStep, place: str) -> str:
    """Return a step sealed for the browser that sent it.

    Args:
        key: the browser's key.
        step: the step.
        place: the form's address.
    """
    plain = zlib.compress(json.dumps([step.number, list(step.fields), step.mark, step.has_files]).encode())
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return urlsafe_b64encode(nonce + AESGCM(_derived(key, "seal")).encrypt(nonce, plain, place.encode())).decode()


def opened(key: bytes, text: str, place: str) -> KeptStep | None:
    """Return a sealed step; None when it was not sealed with this key for this form.

    Args:
        key: the browser's key.
        text: what `sealed` returned.
        place: the form's address.
    """
    try:
        raw = urlsafe_b64decode(text.encode())
        plain = AESGCM(_derived(key, "seal")).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place.encode())
        unpacking = zlib.decompressobj()
        said = json.loads(unpacking.decompress(plain, _MOST_BYTES))
    except (ValueError, RecursionError, InvalidTag, zlib.error):
        return None
    return _step(said)


def _step(said: Any) -> KeptStep | None:
    """Return what was sealed as a step; None for anything else: whoever has a key can seal whatever they like."""
    match said:
        case [int(number), list(fields), str(mark), bool(has_files)] if 0 <= number < 10**8:
            pass
        case _:
            return None
    found = []
    for one in fields:
        match one:
            case [str(name), str(value)] if _is_text(name) and _is_text(value):
                found.append((name, value))
            case _:
                return None
    return KeptStep(number, found, mark, has_files) if _is_text(mark) else None


def _is_text(text: str) -> bool:
    return clean(text) == text


def _derived(key: bytes, use: str) -> bytes:
    return hmac.digest(key, f"overstap kept step {use}".encode(), "sha256")
