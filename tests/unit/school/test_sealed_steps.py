"""Steps that a browser holds sealed: whoever has a key of their own can seal anything, and gets an answer to it."""

import json
import secrets
import zlib
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from overstap.pages.school import kept_steps
from overstap.pages.school.kept_steps import KeptFile, KeptStep, opened, sealed

FILES = [KeptFile("leerling/x", "é.pdf", b"%PDF" + bytes(range(256))), KeptFile("leerling/y", "", b"")]
KEY, PLACE = bytes(32), "/ronde/x/invullen/y/stap/leerling"


def sealed_as(said: bytes, contents: bytes = b"") -> str:
    plain = len(said).to_bytes(4, "big") + said + contents
    nonce = secrets.token_bytes(12)
    key = kept_steps._derived(KEY, "seal")
    return urlsafe_b64encode(nonce + AESGCM(key).encrypt(nonce, zlib.compress(plain), PLACE.encode())).decode()


def test_what_was_sealed_is_opened_here_alone() -> None:
    step = KeptStep(3, [("leerling/achternaam", "Zonneveld é"), ("versie", "")], "ab" * 32, FILES)
    assert opened(KEY, sealed(KEY, step, PLACE), PLACE) == step
    assert opened(KEY, sealed(KEY, step, PLACE), f"{PLACE}x") is None
    assert opened(b"x" * 32, sealed(KEY, step, PLACE), PLACE) is None


@pytest.mark.parametrize(
    "said",
    [
        *(5, None, {}, [], [1], [1, [], "m"], ["1", [], "m", []], [-1, [], "m", []], [10**9, [], "m", []]),
        *([1, 5, "m", []], [1, {}, "m", []], [1, ["ab"], "m", []], [1, [["a"]], "m", []]),
        *([1, [["a", 5]], "m", []], [1, [["a", "b", "c"]], "m", []], [1, [], 5, []], [1, [], "m", 1]),
        *(
            [1, [], "m", [["p", "n"]]],
            [1, [], "m", [["p", "n", -1]]],
            [1, [], "m", [["p", "n", 9]]],
            [1, [], "m", [[5, "n", 0]]],
        ),
        *([1, [["a", "\ud800"]], "m", []], [1, [], "\ud800", []], [1, [["a", "\0"]], "m", []]),
    ],
)
def test_what_no_page_sealed_is_none(said: Any) -> None:
    assert opened(KEY, sealed_as(json.dumps(said).encode()), PLACE) is None


@pytest.mark.parametrize("contents", [b"", b"ab", b"abcd"])
def test_files_that_are_shorter_or_longer_than_was_said_are_none(contents: bytes) -> None:
    assert opened(KEY, sealed_as(json.dumps([1, [], "m", [["p", "n", 3]]]).encode(), contents), PLACE) is None
    assert opened(KEY, sealed_as(json.dumps([1, [], "m", [["p", "n", 3]]]).encode(), b"abc"), PLACE) is not None


@pytest.mark.parametrize("plain", [b"", b"{", b"\xff", b"[" * 100_000, b" " * 50_000_000 + b"[]", b"NaN"])
def test_a_bomb_or_what_is_no_json_is_none(plain: bytes) -> None:
    assert opened(KEY, sealed_as(plain), PLACE) is None


@pytest.mark.parametrize("text", ["", "x", "é", "====", "AAAA", "A" * 5000, "\ud800"])
def test_what_was_never_sealed_is_none(text: str) -> None:
    assert opened(KEY, text, PLACE) is None
