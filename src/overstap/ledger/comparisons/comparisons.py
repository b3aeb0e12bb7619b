"""Questions to another region and answers to it: who applied in both, and where and how the other's part stands.

The region that asks blinds the points of its applicants with an exponent for this question. The region that answers
multiplies them by exponents of its own, and adds a label for each of its own applicants, which is found and opened only
with the point of the same pupil under the same exponents. So the one that asks learns of pupils that it has itself, and
the one that answers learns how many were asked about.
"""

import hmac
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from overstap.errors import OverstapError
from overstap.ledger.comparisons.blinding import (
    CONTENT_BYTES,
    LABEL_BYTES,
    POINT_BYTES,
    TAG_BYTES,
    Exponent,
    open_label,
    seal_label,
    tag_of,
)
from overstap.ledger.dossiers.reference import reference
from overstap.ledger.region_keys import EncryptedContent, sha256
from overstap.ledger.session import UnitOfWork
from overstap.progress import Advance, counted, unwatched

log = logging.getLogger(__name__)
STATES = ("applied", "registered", "placed", "complete", "support_examined", "admissible", "drawn")
"""States of an application in force, in the order of their number in a label."""
_SCHOOL_BYTES = 6
_MOST_SCHOOLS = (CONTENT_BYTES - 1) // (_SCHOOL_BYTES + 1)
"""Applications of one pupil that a label has room for; each label is as long, so that it does not tell how many."""


@dataclass(frozen=True, slots=True)
class RegionQuestion:
    """A question of one region to another.

    Args:
        comparison: id of the comparison.
        school_year: school year of the applications.
        asks: region that asks.
        answers: region that is to answer.
        points: blinded points, in an order that says nothing.
    """

    comparison: UUID
    school_year: str
    asks: str
    answers: str
    points: tuple[bytes, ...] = field(repr=False)

    @property
    def digest(self) -> bytes:
        """SHA-256 of what is asked, by which the answer refers to it."""
        names = "\0".join((str(self.comparison), self.school_year, self.asks, self.answers, ""))
        return sha256(names.encode() + b"".join(self.points))


@dataclass(frozen=True, slots=True)
class RegionAnswer:
    """An answer to a question.

    Args:
        comparison: id of the comparison.
        school_year: school year of the applications.
        asks: region that asked.
        answers: region that answers.
        question: digest of the question.
        points: the points of the question in its order, multiplied.
        labels: a label of each applicant of the region that answers, in the order of their tags.
    """

    comparison: UUID
    school_year: str
    asks: str
    answers: str
    question: bytes
    points: tuple[bytes, ...] = field(repr=False)
    labels: tuple[bytes, ...] = field(repr=False)

    @property
    def digest(self) -> bytes:
        """SHA-256 of what is answered."""
        return sha256(self.question + b"".join(self.points) + b"".join(self.labels))


@dataclass(frozen=True, slots=True)
class AppliedElsewhere:
    """An application of a pupil of this region in another one.

    Args:
        sign: pseudonym of the pupil, as on the lists of the board.
        schools: BRIN and branch of the schools of this region where the pupil's application is in force.
        states: the state of each of these applications, one of `STATES`.
        primary_school: BRIN and branch of the pupil's primary school.
        subject: id under which the board shows the pupil.
        region: the other region.
        school: BRIN and branch of the school there.
        state: one of `STATES`.
        told_at: when the comparison was begun that told it.
    """

    sign: str
    schools: tuple[str, ...]
    states: tuple[str, ...]
    primary_school: str
    subject: UUID | None
    region: str
    school: str
    state: str
    told_at: datetime


@dataclass(frozen=True, slots=True)
class ComparisonPart:
    """The part that this region took in a comparison, as its ledger keeps it.

    Args:
        comparison: id of the comparison.
        partner: the other region.
        part: "asked" or "answered".
        pupils: number of pupils whom the question is about.
        found: how many are in both regions; None unless it was asked and read.
        by_whom: account or step.
        begun_at: when.
        is_ended: whether nothing is waited for.
    """

    comparison: UUID
    partner: str
    part: str
    pupils: int
    found: int | None
    by_whom: str
    begun_at: datetime
    is_ended: bool


def applicants(unit: UnitOfWork, school_year: str) -> int:
    """Return how many pupils with an application in force can be compared: what `ask` and `answer` go through."""
    [count] = unit.one(
        "select count(*) from overstap.comparison_pseudonym k where k.school_year = %(year)s and exists (select "
        "from overstap.application a where (a.region, a.school_year, a.pupil) = (k.region, k.school_year, k.pupil) "
        "and a.withdrawn_at is null)",
        year=school_year,
    )
    return int(count)


def ask(unit: UnitOfWork, school_year: str, partner: str, advance: Advance = unwatched) -> RegionQuestion:
    """Make a question about every pupil with an application in force.

    An earlier question to the same region without an answer ends.

    Args:
        unit: the transaction; it needs the region's keys. Commit before the question leaves.
        school_year: school year of the applications.
        partner: the region that is to answer.
        advance: is told of each pupil who is asked about.

    Raises:
        OverstapError: COMPARE-001 when no agreement of the year names that region.
    """
    standing = _standing(unit, school_year)
    found = [(pupil, point) for pupil, point in _points(unit, school_year).items() if pupil in standing]
    # The order of keyed hashes is the same each time, and would tell which points of two questions are of one pupil
    shuffle = secrets.token_bytes(32)
    found.sort(key=lambda row: hmac.digest(shuffle, row[0], "sha256"))
    once = Exponent.random()
    points = tuple(once.apply(point) for _, point in counted(found, advance))
    made = RegionQuestion(uuid4(), school_year, unit.region, partner, points)
    kept = once.to_bytes() + b"".join(pupil for pupil, _ in found)
    sealed = unit.keys.encrypt(kept, _bound(made.comparison))
    [is_agreed] = unit.one(
        "select overstap.ask_comparison(%(id)s, %(year)s, %(with)s, %(about)s, %(asked)s, %(key)s, %(sealed)s)",
        **{
            "id": made.comparison,
            "year": school_year,
            "with": partner,
            "about": len(found),
            "asked": made.digest,
            "key": sealed.key_id,
            "sealed": sealed.data,
        },
    )
    if not is_agreed:
        raise OverstapError("COMPARE-001", region=unit.region, partner=partner)
    return made


def answer(unit: UnitOfWork, question: RegionQuestion, *, at_most: int, advance: Advance = unwatched) -> RegionAnswer:
    """Answer a question of another region.

    Args:
        unit: the transaction; it needs the region's keys. Commit before the answer leaves.
        question: the question, of a known sender.
        at_most: number of pupils about whom that region may ask.
        advance: is told of each point of the question and each applicant of this region.

    Raises:
        OverstapError: COMPARE-001 when no agreement of the year names that region; COMPARE-002 when the question is for
            another region; COMPARE-003 when it was answered before; COMPARE-004 after five answers within a day, or for
            more pupils than agreed; COMPARE-005 when it has a point that is not on the curve, or one twice.
    """
    if question.answers != unit.region:
        raise OverstapError("COMPARE-002", region=unit.region, partner=question.asks)
    if len(question.points) > at_most:
        raise OverstapError("COMPARE-004", partner=question.asks)
    if len(set(question.points)) != len(question.points):
        raise OverstapError("COMPARE-005")
    own, once = Exponent(unit.keys.exponent()), Exponent.random()
    both = own.times(once)
    points = _points(unit, question.school_year)
    here = [(pupil, stated) for pupil, stated in _standing(unit, question.school_year).items() if pupil in points]
    labels = sorted(
        seal_label(once.apply(points[pupil]), question.comparison, _content(stated))
        for pupil, stated in counted(here, advance)
    )
    made = RegionAnswer(
        *(question.comparison, question.school_year, question.asks, question.answers, question.digest),
        tuple(both.apply(point) for point in counted(question.points, advance)),
        tuple(labels),
    )
    [outcome] = unit.one(
        "select overstap.answer_comparison(%(id)s, %(year)s, %(with)s, %(about)s, %(asked)s, %(answered)s)",
        **{
            "id": question.comparison,
            "year": question.school_year,
            "with": question.asks,
            "about": len(question.points),
            "asked": question.digest,
            "answered": made.digest,
        },
    )
    if outcome != "kept":
        code = {"not_agreed": "COMPARE-001", "again": "COMPARE-003", "often": "COMPARE-004"}[outcome]
        raise OverstapError(code, region=unit.region, partner=question.asks)
    return made


def read(unit: UnitOfWork, answered: RegionAnswer, advance: Advance = unwatched) -> int:
    """Read the answer to a question of this region; return how many pupils applied in both regions.

    What is told replaces what the comparison before told of that region.

    Args:
        unit: the transaction; it needs the region's keys.
        answered: the answer, of a known sender.
        advance: is told of each pupil who was asked about.

    Raises:
        OverstapError: COMPARE-002 when it answers no question of this region to that one that waits; COMPARE-005 when
            it does not fit the question.

    A label that is found and cannot be opened is left out, with a warning here. To refuse the answer for it would tell
    the other region, which is asked for a new one, that a pupil whose number it guessed applied here.
    """
    found = unit.rows(
        "select c.key_id, c.secret from overstap.comparison c where c.comparison = %(id)s and c.region = %(region)s "
        "and c.part = 'asked' and c.ended_at is null and c.question = %(question)s and c.partner = %(with)s "
        "and c.school_year = %(year)s",
        **{
            "id": answered.comparison,
            "region": unit.region,
            "question": answered.question,
            "with": answered.answers,
            "year": answered.school_year,
        },
    )
    if not found:
        raise OverstapError("COMPARE-002", region=unit.region, partner=answered.answers)
    kept = unit.keys.decrypt(EncryptedContent(found[0][0], bytes(found[0][1])), _bound(answered.comparison))
    once, pupils = Exponent.of_bytes(kept[:POINT_BYTES]), _cut(kept[POINT_BYTES:], POINT_BYTES)
    if len(pupils) != len(answered.points) or any(len(one) != LABEL_BYTES for one in answered.labels):
        raise OverstapError("COMPARE-005")
    undo = Exponent(unit.keys.exponent()).times(once).inverse()
    by_tag = {one[:TAG_BYTES]: one for one in answered.labels}
    told: list[tuple[bytes, str, str]] = []
    unread = 0
    for pupil, point in counted(zip(pupils, answered.points, strict=True), advance):
        shared = undo.apply(point)
        label = by_tag.get(tag_of(shared, answered.comparison))
        if label is None:
            continue
        try:
            told += [(pupil, *one) for one in _stated(open_label(shared, answered.comparison, label))]
        except OverstapError:
            unread += 1
    if unread:
        log.warning("comparison %s: %d labels of %s cannot be read", answered.comparison, unread, answered.answers)
    [in_both] = unit.one(
        "select overstap.read_comparison(%(id)s, %(answer)s, %(pupils)s::bytea[], %(schools)s::text[], "
        "%(states)s::text[])",
        id=answered.comparison,
        answer=answered.digest,
        pupils=[one[0] for one in told],
        schools=[one[1] for one in told],
        states=[one[2] for one in told],
    )
    if in_both is None:
        raise OverstapError("COMPARE-001", region=unit.region, partner=answered.answers)
    return int(in_both)


def elsewhere(unit: UnitOfWork, round_id: str) -> list[AppliedElsewhere]:
    """Return where pupils with an application in force here applied in other regions, by region, pupil and school.

    Args:
        unit: the transaction; it needs no key.
        round_id: a round of the school year; a pupil with a dossier in it has the dossier's sign, as on its lists.
    """
    return [
        AppliedElsewhere(
            reference(dossier or UUID(bytes=bytes(pupil[:16]))),
            *(tuple(schools), tuple(states), primary_school, dossier or stated),
            *rest,
        )
        for dossier, stated, pupil, schools, states, primary_school, *rest in unit.rows(
            "select (select min(d.dossier::text)::uuid from overstap.dossier d where d.round_id = o.round_id "
            "and d.pupil = e.pupil and d.state <> 'withdrawn'), (select x.application_event "
            "from overstap.application_event x where (x.region, x.school_year, x.pupil) = (e.region, e.school_year, "
            "e.pupil) order by x.application_event limit 1), e.pupil, h.schools, h.states, h.primary_school, "
            "e.partner, e.secondary_school, e.state, c.begun_at from overstap.round o "
            "join overstap.applied_elsewhere e on e.school_year = o.school_year "
            "join overstap.comparison c on (c.comparison, c.region) = (e.comparison, e.region) "
            "cross join lateral (select array_agg(a.secondary_school order by a.secondary_school) as schools, "
            "array_agg(coalesce(a.status, a.stage) order by a.secondary_school) as states, "
            "(array_agg(a.primary_school order by a.recorded_at desc))[1] as primary_school "
            "from overstap.application a where (a.region, a.school_year, a.pupil) = (e.region, e.school_year, e.pupil) "
            "and a.withdrawn_at is null) h where o.round_id = %(round)s and h.schools is not null "
            "order by e.partner, e.pupil, e.secondary_school",
            round=round_id,
        )
    ]


def parts(unit: UnitOfWork, school_year: str) -> list[ComparisonPart]:
    """Return the parts that the region took in comparisons of a school year, the newest first."""
    return [
        ComparisonPart(*row)
        for row in unit.rows(
            "select comparison, partner, part, pupils, found, by_whom, begun_at, ended_at is not null "
            "from overstap.comparison where school_year = %(year)s order by begun_at desc, comparison",
            year=school_year,
        )
    ]


def _points(unit: UnitOfWork, school_year: str) -> dict[bytes, bytes]:
    """Return the point of each pupil, by keyed hash.

    It is joined to applications here and not by the database: of rows that were just written its planner knows no
    number, and joins them by loops over their square.
    """
    return {
        bytes(pupil): bytes(point)
        for pupil, point in unit.rows(
            "select pupil, point from overstap.comparison_pseudonym where school_year = %(year)s", year=school_year
        )
    }


def _standing(unit: UnitOfWork, school_year: str) -> dict[bytes, list[list[str]]]:
    """Return school and state of each application in force, by keyed hash of the pupil, in order of preference."""
    return {
        bytes(pupil): stated
        for pupil, stated in unit.rows(
            "select pupil, array_agg(array[secondary_school, coalesce(status, stage)] order by preference, "
            "secondary_school) from overstap.application where school_year = %(year)s and withdrawn_at is null "
            "group by pupil",
            year=school_year,
        )
    }


def _content(stated: Sequence[Sequence[str]]) -> bytes:
    """Return schools and states as 128 bytes: how many, and six characters and the number of a state for each."""
    told = stated[:_MOST_SCHOOLS]
    made = bytes([len(told)]) + b"".join(school.encode() + bytes([STATES.index(state)]) for school, state in told)
    return made.ljust(CONTENT_BYTES, b"\0")


def _stated(content: bytes) -> list[tuple[str, str]]:
    """Return schools and states of a label.

    Raises:
        OverstapError: COMPARE-005 when they are none.
    """
    found = []
    if content[0] > _MOST_SCHOOLS:
        raise OverstapError("COMPARE-005")
    for one in _cut(content[1:], _SCHOOL_BYTES + 1)[: content[0]]:
        school = one[:_SCHOOL_BYTES].decode("ascii", "replace")
        if not (school.isascii() and school.isalnum() and school.upper() == school) or one[_SCHOOL_BYTES] >= len(
            STATES
        ):
            raise OverstapError("COMPARE-005")
        found.append((school, STATES[one[_SCHOOL_BYTES]]))
    return list(dict(found).items())


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def _bound(comparison: UUID) -> str:
    return f"comparison/{comparison}"
