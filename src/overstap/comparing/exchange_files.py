"""Signed files with which two deployments compare: a question, and its answer.

A file is CMS SignedData (docs/envelope.md, part "Signature") by the conductor of the region that made it. Its content
is a header, JSON on one line, and the points and labels after it.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from overstap.agreements import Agreement
from overstap.envelope.reasons import EnvelopeError
from overstap.envelope.signing import sign, verify
from overstap.errors import OverstapError
from overstap.ledger.comparisons.blinding import LABEL_BYTES, POINT_BYTES
from overstap.ledger.comparisons.comparisons import RegionAnswer, RegionQuestion
from overstap.pki import SigningIdentity, TrustStore

QUESTION, ANSWER = "overstap-comparison-question/1", "overstap-comparison-answer/1"
LIMIT_BYTES = 64 * 1024 * 1024
MOST = 250_000
"""Points or labels in a file."""
VALID_DAYS = 14
_REGION = re.compile(r"[a-z0-9_]{2,31}")
_YEAR = re.compile(r"[0-9]{4}-[0-9]{4}")
_AHEAD = timedelta(hours=1)
_HEADER_BYTES = 2_000
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Parts:
    """The header, the points and the labels of a file."""

    header: Mapping[str, Any]
    points: tuple[bytes, ...]
    labels: tuple[bytes, ...]


def question_file(question: RegionQuestion, identity: SigningIdentity, *, at: datetime) -> bytes:
    """Return a question as a signed file.

    Args:
        question: the question.
        identity: signing key of the conductor of the region that asks.
        at: the moment, aware.
    """
    fields = _fields(QUESTION, question, points=len(question.points))
    return _signed(fields, question.points, (), identity, at)


def answer_file(answer: RegionAnswer, identity: SigningIdentity, *, at: datetime) -> bytes:
    """Return an answer as a signed file.

    Args:
        answer: the answer.
        identity: signing key of the conductor of the region that answers.
        at: the moment, aware.
    """
    fields = _fields(
        *(ANSWER, answer), points=len(answer.points), labels=len(answer.labels), question=answer.question.hex()
    )
    return _signed(fields, answer.points, answer.labels, identity, at)


def read_question(data: bytes, agreement: Agreement, trust: TrustStore, *, at: datetime) -> RegionQuestion:
    """Return the question in a file of another region.

    Args:
        data: the file.
        agreement: agreement of the region that is to answer.
        trust: trust store that checks the signer's certificate.
        at: the present moment, aware.

    Raises:
        OverstapError: COMPARE-001 to COMPARE-009, of what is wrong with the file or was not agreed.
    """

    def made(parts: _Parts) -> RegionQuestion:
        header = parts.header
        return RegionQuestion(
            *(UUID(header["comparison"]), header["school_year"], header["asks"], header["answers"]), parts.points
        )

    found = _read(data, QUESTION, "asks", made, agreement, trust, at)
    if (found.answers, found.school_year) != (agreement.region, agreement.school_year):
        raise OverstapError("COMPARE-002", region=agreement.region, partner=found.asks)
    return found


def read_answer(data: bytes, agreement: Agreement, trust: TrustStore, *, at: datetime) -> RegionAnswer:
    """Return the answer in a file of another region; arguments and errors as of `read_question`."""

    def made(parts: _Parts) -> RegionAnswer:
        header = parts.header
        return RegionAnswer(
            *(UUID(header["comparison"]), header["school_year"], header["asks"], header["answers"]),
            *(bytes.fromhex(header["question"]), parts.points, parts.labels),
        )

    found = _read(data, ANSWER, "answers", made, agreement, trust, at)
    if (found.asks, found.school_year) != (agreement.region, agreement.school_year):
        raise OverstapError("COMPARE-002", region=agreement.region, partner=found.answers)
    return found


def _fields(kind: str, about: RegionQuestion | RegionAnswer, **more: str | int) -> dict[str, str | int]:
    return {
        "format": kind,
        "comparison": str(about.comparison),
        "school_year": about.school_year,
        "asks": about.asks,
        "answers": about.answers,
        **more,
    }


def _signed(
    fields: Mapping[str, str | int],
    points: tuple[bytes, ...],
    labels: tuple[bytes, ...],
    identity: SigningIdentity,
    at: datetime,
) -> bytes:
    header = json.dumps(fields, separators=(",", ":")).encode()
    return sign(b"".join((header, b"\n", *points, *labels)), identity, at=at)


def _read(
    data: bytes,
    kind: str,
    maker: str,
    made: Callable[[_Parts], _T],
    agreement: Agreement,
    trust: TrustStore,
    at: datetime,
) -> _T:
    """Verify a file and its signer, and return what `made` makes of its parts.

    Args:
        data: the file.
        kind: name of the format that it must have.
        maker: field of the header with the region that made it.
        made: makes the result; ValueError, KeyError or TypeError of it: the file is none.
        agreement: agreement of this region.
        trust: trust store.
        at: the present moment.
    """
    if len(data) > LIMIT_BYTES:
        raise OverstapError("COMPARE-006", reason="too_large")
    try:
        signed = verify(data, trust=trust, at=at)
    except EnvelopeError as error:
        raise OverstapError("COMPARE-006", reason=error.reason.value) from error
    try:
        parts = _parts(signed.content, kind)
        found = made(parts)
        partner = parts.header[maker]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise OverstapError("COMPARE-006", reason="content") from error
    agreed = agreement.comparison(partner)
    if agreed.conductor is None:
        raise OverstapError("COMPARE-009", region=agreement.region, partner=partner)
    if signed.oin != agreed.conductor:
        raise OverstapError("COMPARE-007", partner=partner, oin=signed.oin)
    if not at - timedelta(days=VALID_DAYS) <= signed.signed_at <= at + _AHEAD:
        raise OverstapError("COMPARE-008", days=VALID_DAYS)
    return found


def _parts(content: bytes, kind: str) -> _Parts:
    """Return header, points and labels.

    Raises:
        ValueError: they are not as the format says.
    """
    line, separator, body = content.partition(b"\n")
    if not separator or len(line) > _HEADER_BYTES:
        raise ValueError("no header")
    header = json.loads(line)
    names = {"format", "comparison", "school_year", "asks", "answers", "points"}
    if kind == ANSWER:
        names |= {"labels", "question"}
    if not isinstance(header, dict) or header.keys() != names or header["format"] != kind:
        raise ValueError("another format")
    if any(not isinstance(header[name], str) for name in names - {"points", "labels"}):
        raise ValueError("not a text")
    # A name that a message repeats: no control character, and no half of a surrogate, which cannot be printed
    if not all(_REGION.fullmatch(header[name]) for name in ("asks", "answers")) or not _YEAR.fullmatch(
        header["school_year"]
    ):
        raise ValueError("not a region or a school year")
    points, labels = header["points"], header.get("labels", 0)
    if any(type(count) is not int or not 0 <= count <= MOST for count in (points, labels)):
        raise ValueError("not a number of points or labels")
    cut = points * POINT_BYTES
    if len(body) != cut + labels * LABEL_BYTES:
        raise ValueError("not as long as stated")
    return _Parts(
        header,
        tuple(body[at : at + POINT_BYTES] for at in range(0, cut, POINT_BYTES)),
        tuple(body[at : at + LABEL_BYTES] for at in range(cut, len(body), LABEL_BYTES)),
    )
