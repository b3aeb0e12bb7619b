"""Signed files for comparing: whatever the content is, there is a question, or an error with a code."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from overstap.agreements import Agreement, load_agreement
from overstap.agreements.model import Comparison
from overstap.comparing.exchange_files import ANSWER, QUESTION, answer_file, question_file, read_answer, read_question
from overstap.envelope.signing import sign
from overstap.errors import OverstapError
from overstap.ledger.comparisons.blinding import LABEL_BYTES, POINT_BYTES
from overstap.ledger.comparisons.comparisons import RegionAnswer, RegionQuestion
from overstap.pki import SigningIdentity, TrustStore, make_development_certificates
from overstap.pki.oin import development_oin_of_region
from overstap_tools.project import PROJECT

NOW = datetime.now(UTC).replace(microsecond=0)
COMPARISON = UUID("0f8fad5b-d9cb-469f-a165-70867728950e")
HEADER = {
    "format": QUESTION,
    "comparison": str(COMPARISON),
    "school_year": "2026-2027",
    "asks": "noord",
    "answers": "utrecht",
    "points": 1,
}


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> TrustStore:
    folder: Path = tmp_path_factory.mktemp("trust")
    make_development_certificates(folder, schools=[], regions=["noord", "utrecht"], at=NOW)
    return TrustStore(folder, production=False)


@pytest.fixture(scope="module")
def identity(trust: TrustStore) -> SigningIdentity:
    return trust.conductor_signing("noord", at=NOW)


@pytest.fixture(scope="module")
def agreement() -> Agreement:
    utrecht = load_agreement(PROJECT / "include" / "regions" / "utrecht" / "2026-2027.yaml")
    agreed = Comparison(region="noord", conductor=development_oin_of_region("noord"))
    return utrecht.model_copy(update={"comparisons": (agreed,)})


def content(body: bytes = bytes(POINT_BYTES), **changes: object) -> bytes:
    return json.dumps({**HEADER, **changes}).encode() + b"\n" + body


def test_a_question_and_an_answer_are_read_as_they_were_written(
    trust: TrustStore, identity: SigningIdentity, agreement: Agreement
) -> None:
    question = RegionQuestion(uuid4(), "2026-2027", "noord", "utrecht", (b"a" * POINT_BYTES, b"b" * POINT_BYTES))
    data = question_file(question, identity, at=NOW)
    assert read_question(data, agreement, trust, at=NOW) == question
    points, labels = (b"c" * POINT_BYTES,), (b"d" * LABEL_BYTES, b"e" * LABEL_BYTES)
    answer = RegionAnswer(uuid4(), "2026-2027", "utrecht", "noord", b"q" * 32, points, labels)
    assert read_answer(answer_file(answer, identity, at=NOW), agreement, trust, at=NOW) == answer


@given(st.one_of(
    st.binary(max_size=300),
    st.builds(lambda name, value: content(**{name: value}), st.sampled_from(sorted(HEADER)), st.one_of(
        st.none(), st.integers(), st.text(max_size=40), st.floats(), st.lists(st.integers(), max_size=3),
    )),
    st.builds(lambda body: content(body), st.binary(max_size=100)),
))  # fmt: skip
@example(b"[" * 1_900 + b"\n")
@example(content(points=10**1500))
@example(content(points=True))
@example(content(asks="[red]noord[/red]"))
@example(content(asks="\ud800"))
@example(content(asks="no\x00rd"))
@example(content(asks="noord\n"))
@example(content(format=ANSWER))
@example(content(comparison="0f8fad5bd9cb469fa16570867728950e"))
def test_whatever_a_signed_file_holds_there_is_an_answer(
    trust: TrustStore, identity: SigningIdentity, agreement: Agreement, data: bytes
) -> None:
    refused, found = None, None
    try:
        found = read_question(sign(data, identity, at=NOW), agreement, trust, at=NOW)
    except OverstapError as error:
        refused = error
    if found is not None:
        assert (found.asks, found.answers) == ("noord", "utrecht")
        assert all(len(point) == POINT_BYTES for point in found.points)
    else:
        assert refused is not None
        assert refused.code.startswith("COMPARE-")
        assert "[red]" not in refused.message_nl
        assert refused.message_nl.encode()


@given(st.binary(max_size=200))
def test_whatever_a_file_is_there_is_an_answer(trust: TrustStore, agreement: Agreement, data: bytes) -> None:
    with pytest.raises(OverstapError, match="COMPARE-006"):
        read_question(data, agreement, trust, at=NOW)
