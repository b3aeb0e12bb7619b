"""Steps that a browser holds sealed: whoever has a key of their own can seal anything, and gets an answer to it."""

import json
import secrets
import zlib
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from overstap.pages.school import kept_steps
from overstap.pages.school.kept_steps import KeptStep, opened, sealed

KEY, PLACE = bytes(32), "/ronde/x/invullen/y/stap/leerling"


def sealed_as(plain: bytes) -> str:
    nonce = secrets.token_bytes(12)
    key = kept_steps._derived(KEY, "seal")
    return urlsafe_b64encode(nonce + AESGCM(key).encrypt(nonce, zlib.compress(plain), PLACE.encode())).decode()


def test_what_was_sealed_is_opened_here_alone() -> None:
    step = KeptStep(3, [("leerling/achternaam", "Zonneveld é"), ("versie", "")], "ab" * 32, has_files=True)
    assert opened(KEY, sealed(KEY, step, PLACE), PLACE) == step
    assert opened(KEY, sealed(KEY, step, PLACE), f"{PLACE}x") is None
    assert opened(b"x" * 32, sealed(KEY, step, PLACE), PLACE) is None


@pytest.mark.parametrize(
    "said",
    [
        *(5, None, {}, [], [1], [1, [], "m"], ["1", [], "m", False], [-1, [], "m", False], [10**9, [], "m", False]),
        *([1, 5, "m", False], [1, {}, "m", False], [1, ["ab"], "m", False], [1, [["a"]], "m", False]),
        *([1, [["a", 5]], "m", False], [1, [["a", "b", "c"]], "m", False], [1, [], 5, False], [1, [], "m", 1]),
        *([1, [["a", "\ud800"]], "m", False], [1, [], "\ud800", False], [1, [["a", "\0"]], "m", False]),
    ],
)
def test_what_no_page_sealed_is_none(said: Any) -> None:
    assert opened(KEY, sealed_as(json.dumps(said).encode()), PLACE) is None


@pytest.mark.parametrize("plain", [b"", b"{", b"\xff", b"[" * 100_000, b" " * 50_000_000 + b"[]", b"NaN"])
def test_a_bomb_or_what_is_no_json_is_none(plain: bytes) -> None:
    assert opened(KEY, sealed_as(plain), PLACE) is None


@pytest.mark.parametrize("text", ["", "x", "é", "====", "AAAA", "A" * 5000, "\ud800"])
def test_what_was_never_sealed_is_none(text: str) -> None:
    assert opened(KEY, text, PLACE) is None
