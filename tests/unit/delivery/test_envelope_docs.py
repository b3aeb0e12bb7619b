"""docs/envelope.md says what the code does."""

import re
from pathlib import Path

from overstap.envelope.manifest import FORMAT, EnvelopeKind
from overstap.envelope.package import DEFAULT_LIMITS
from overstap.envelope.reasons import OpeningFailure
from overstap.envelope.receipt import _CODES, Refusal
from overstap.pki.certificates import DEVELOPMENT_POLICY
from overstap.pki.trust_store import EXPIRY_DAYS

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docs" / "envelope.md").read_text(encoding="utf-8")


def test_every_reason_refusal_and_kind_is_named() -> None:
    for value in (*OpeningFailure, *Refusal, *EnvelopeKind):
        assert f"`{value}`" in TEXT, value


def test_codes_and_numbers() -> None:
    assert {code.removeprefix("DELIVERY") for code in _CODES.values()} <= set(re.findall(r"-0\d\d", TEXT))
    assert f"{DEFAULT_LIMITS.envelope_bytes >> 20} MiB" in TEXT
    assert f"{DEFAULT_LIMITS.content_bytes >> 20} MiB" in TEXT
    assert f"{DEFAULT_LIMITS.files} entries" in TEXT
    assert f"within {EXPIRY_DAYS} days" in TEXT
    assert DEVELOPMENT_POLICY.dotted_string in TEXT
    assert FORMAT.endswith("/1")
    assert "version 1" in TEXT


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert links
    for link in links:
        assert (ROOT / "docs" / link.partition("#")[0]).resolve().exists(), link
