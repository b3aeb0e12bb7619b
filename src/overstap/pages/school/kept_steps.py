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
_MOST_BYTES = 6_000_000
"""Most that is unpacked: a form that is kept has no more text and files."""
_LENGTH_BYTES = 4


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of a form.

    Args:
        path: path of its field.
        name: its name.
        content: its bytes.
    """

    path: str
    name: str = field(repr=False)
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeptStep:
    """A step as it was sent.

    Args:
        number: number of the version that was shown.
        fields: names and texts of the form.
        mark: mark of the form, which says for which account it was made.
        files: the files that were sent with it.
    """

    number: int
    fields: Sequence[tuple[str, str]] = field(repr=False)
    mark: str = field(repr=False)
    files: Sequence[KeptFile] = field(default=(), repr=False)


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
    files = [[one.path, one.name, len(one.content)] for one in step.files]
    said = json.dumps([step.number, list(step.fields), step.mark, files]).encode()
    parts = (len(said).to_bytes(_LENGTH_BYTES, "big"), said, *(one.content for one in step.files))
    plain = zlib.compress(b"".join(parts), level=1)
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
        packed = unpacking.decompress(plain, _MOST_BYTES)
        end = _LENGTH_BYTES + int.from_bytes(packed[:_LENGTH_BYTES], "big")
        said = json.loads(packed[_LENGTH_BYTES:end])
    except (ValueError, RecursionError, InvalidTag, zlib.error):
        return None
    return _step(said, packed[end:])


def _step(said: Any, contents: bytes) -> KeptStep | None:
    """Return what was sealed as a step; None for anything else: whoever has a key can seal whatever they like."""
    match said:
        case [int(number), list(fields), str(mark), list(files)] if 0 <= number < 10**8:
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
    kept = _files(files, contents)
    return KeptStep(number, found, mark, kept) if kept is not None and _is_text(mark) else None


def _files(said: list[Any], contents: bytes) -> list[KeptFile] | None:
    found, at = [], 0
    for one in said:
        match one:
            case [str(path), str(name), int(length)] if length >= 0 and _is_text(path) and _is_text(name):
                found.append(KeptFile(path, name, contents[at : at + length]))
                at += length
            case _:
                return None
    return found if at == len(contents) else None


def _is_text(text: str) -> bool:
    return clean(text) == text


def _derived(key: bytes, use: str) -> bytes:
    return hmac.digest(key, f"overstap kept step {use}".encode(), "sha256")
