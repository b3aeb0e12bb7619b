"""Dossiers that a school types in: drafts in steps, attachments, and what was handed in; encrypted as other dossiers.

A step of a draft has versions, of which none changes. A change that was made from an older version than the newest is
refused with "changed", so that the page can show both.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

from psycopg.rows import TupleRow

from overstap.errors import OverstapError
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.region_keys import EncryptedContent
from overstap.ledger.session import UnitOfWork


class TypedState(StrEnum):
    """State of a dossier that is typed in."""

    OPEN = "open"
    HANDED_IN = "handed_in"
    DROPPED = "dropped"


class TypedAnswer(StrEnum):
    """Answer of the database to a change."""

    SAVED = "saved"
    CHANGED = "changed"
    """Somebody saved another version meanwhile."""
    SETTLED = "settled"
    """It is not open (any more), or its round is closed."""
    FULL = "full"
    """It has as many attachments, or as much text, as it may have."""
    DOUBLE = "double"
    """Another dossier of the same pupil was handed in."""
    HANDED_IN = "handed_in"
    OPEN = "open"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class TypedDossier:
    """A dossier that is typed in, without its content.

    Args:
        typed: its id.
        round_id: the round.
        state: its state.
        version: counts every change of any step.
        made_by: account that began it.
        made_at: when.
        handed_in_by: account that handed it in last; None before the first time.
        handed_in_at: when.
        is_file: whether it was uploaded as an OSO file, so that nothing in it is typed.
    """

    typed: UUID
    round_id: str
    state: TypedState
    version: int
    made_by: str
    made_at: datetime
    handed_in_by: str | None
    handed_in_at: datetime | None
    is_file: bool


@dataclass(frozen=True, slots=True)
class TypedStep:
    """The newest version of a step.

    Args:
        number: its number; 0 for a step that nobody saved yet.
        answers: texts by path.
        changed_by: account that saved it; empty before.
        changed_at: when; None before.
    """

    number: int
    answers: Mapping[str, str] = field(repr=False)
    changed_by: str
    changed_at: datetime | None


EMPTY_STEP = TypedStep(0, {}, "", None)


_SELECT = (
    "select typed, round_id, state, version, made_by, made_at, handed_in_by, handed_in_at, is_file "
    "from overstap.typed_dossier "
)


def of_school(unit: UnitOfWork, round_id: str, school: str) -> list[TypedDossier]:
    """Return what a school types in for a round, without what was thrown away, in the order of beginning."""
    rows = unit.rows(
        f"{_SELECT} where round_id = %(round)s and primary_school = %(school)s and state <> 'dropped' order by typed",
        round=round_id,
        school=school,
    )
    return [_row(one) for one in rows]


def find(unit: UnitOfWork, round_id: str, school: str, typed: UUID) -> TypedDossier:
    """Return one dossier of a school in a round.

    Raises:
        OverstapError: SCHOOL-004 when the school has none of that id in the round.
    """
    rows = unit.rows(
        f"{_SELECT} where typed = %(typed)s and round_id = %(round)s and primary_school = %(school)s "
        "and state <> 'dropped'",
        typed=typed,
        round=round_id,
        school=school,
    )
    if not rows:
        raise OverstapError("SCHOOL-004")
    return _row(rows[0])


def of_pupil(unit: UnitOfWork, round_id: str, school: str, pupil: bytes) -> TypedDossier | None:
    """Return what a school handed in of a pupil in a round, by the pupil's keyed hash; None when it did not."""
    rows = unit.rows(
        f"{_SELECT} where round_id = %(round)s and primary_school = %(school)s and pupil = %(pupil)s",
        round=round_id,
        school=school,
        pupil=pupil,
    )
    return _row(rows[0]) if rows else None


def steps(unit: UnitOfWork, typed: UUID) -> dict[str, TypedStep]:
    """Return the newest version of each step of a draft, by the step's name."""
    return _newest(unit, [typed]).get(typed, {})


def first_steps(unit: UnitOfWork, round_id: str, school: str, step: str) -> dict[UUID, TypedStep]:
    """Return the newest version of one step of all drafts of a school in a round, for a list with names."""
    ids = [one.typed for one in of_school(unit, round_id, school)]
    return {typed: found[step] for typed, found in _newest(unit, ids, step).items() if step in found}


def _newest(unit: UnitOfWork, ids: list[UUID], step: str | None = None) -> dict[UUID, dict[str, TypedStep]]:
    found: dict[UUID, dict[str, TypedStep]] = {}
    for typed, name, number, key_id, content, by, at in unit.rows(
        "select distinct on (typed, step) typed, step, number, key_id, content, changed_by, changed_at "
        "from overstap.typed_step where typed = any(%(ids)s) and (%(step)s::text is null or step = %(step)s) "
        "order by typed, step, number desc",
        ids=ids,
        step=step,
    ):
        answers = _opened(unit, typed, name, number, EncryptedContent(key_id, content))
        found.setdefault(typed, {})[name] = TypedStep(number, answers, by, at)
    return found


def answers_of_version(unit: UnitOfWork, typed: UUID, step: str, number: int) -> Mapping[str, str]:
    """Return a version of a step as it was saved; empty when there is none of that number."""
    rows = unit.rows(
        "select key_id, content from overstap.typed_step where typed = %(typed)s and step = %(step)s "
        "and number = %(number)s",
        typed=typed,
        step=step,
        number=number,
    )
    return _opened(unit, typed, step, number, EncryptedContent(*rows[0])) if rows else {}


def newest_of_school(unit: UnitOfWork, school: str, step: str) -> Mapping[str, str]:
    """Return what a school typed last in a step of any draft, such as its own address; empty before the first."""
    rows = unit.rows(
        "select s.typed, s.number, s.key_id, s.content from overstap.typed_step s "
        "join overstap.typed_dossier t on t.typed = s.typed and t.region = s.region "
        "where t.primary_school = %(school)s and s.step = %(step)s order by s.changed_at desc limit 1",
        school=school,
        step=step,
    )
    if not rows:
        return {}
    typed, number, key_id, content = rows[0]
    return _opened(unit, typed, step, number, EncryptedContent(key_id, content))


def begin(unit: UnitOfWork, round_id: str, school: str, by: str) -> UUID:
    """Begin a draft; return its id.

    Raises:
        OverstapError: SCHOOL-010 when the round is closed, or the school has a thousand drafts.
    """
    made = unit.one("select overstap.begin_typed(%(round)s, %(school)s, %(by)s)", round=round_id, school=school, by=by)[
        0
    ]
    if made is None:
        raise OverstapError("SCHOOL-010")
    return UUID(str(made))


def save(
    unit: UnitOfWork, typed: UUID, school: str, step: str, on_number: int, answers: Mapping[str, str], by: str
) -> TypedAnswer:
    """Save a step that was made from version `on_number` of it (0: there was none).

    Args:
        unit: a transaction of the login `overstap_school`.
        typed: id of the draft.
        school: the school that is signed in.
        step: name of the step.
        on_number: number of the version that it was made from.
        answers: texts by path.
        by: the account.
    """
    sealed = unit.keys.encrypt(
        json.dumps(dict(answers), ensure_ascii=False).encode(), f"typed/{typed}/{step}/{on_number + 1}"
    )
    return TypedAnswer(
        unit.one(
            "select overstap.save_typed(%(typed)s, %(school)s, %(step)s, %(number)s, %(key)s, %(content)s, %(by)s)",
            typed=typed,
            school=school,
            step=step,
            number=on_number,
            key=sealed.key_id,
            content=sealed.data,
            by=by,
        )[0]
    )


def add_file(
    unit: UnitOfWork, typed: UUID, school: str, name: str, content: bytes, by: str
) -> tuple[TypedAnswer, UUID]:
    """Add an attachment to a draft; return the answer and the id of the file.

    Args:
        unit: a transaction of the login `overstap_school`.
        typed: id of the draft.
        school: the school that is signed in.
        name: its file name.
        content: its bytes.
        by: the account.
    """
    file = uuid4()
    sealed = unit.keys.encrypt(json.dumps(name).encode() + b"\n" + content, f"typed_file/{file}")
    answer = unit.one(
        "select overstap.add_typed_file(%(typed)s, %(school)s, %(file)s, %(key)s, %(content)s, %(by)s)",
        typed=typed,
        school=school,
        file=file,
        key=sealed.key_id,
        content=sealed.data,
        by=by,
    )[0]
    return TypedAnswer(answer), file


def files(unit: UnitOfWork, typed: UUID) -> dict[UUID, tuple[str, bytes]]:
    """Return name and content of each attachment of a draft, by its id."""
    found = {}
    for file, key_id, content in unit.rows(
        "select file, key_id, content from overstap.typed_file where typed = %(typed)s order by added_at", typed=typed
    ):
        plain = unit.keys.decrypt(EncryptedContent(key_id, content), f"typed_file/{file}")
        name, _, data = plain.partition(b"\n")
        found[file] = (str(json.loads(name)), data)
    return found


def file_ids(unit: UnitOfWork, typed: UUID) -> list[UUID]:
    """Return the ids of the attachments of a draft."""
    return [row[0] for row in unit.rows("select file from overstap.typed_file where typed = %(id)s", id=typed)]


def rounds_of(unit: UnitOfWork, dossiers: list[UUID]) -> dict[UUID, str]:
    """Return the round of each of some dossiers."""
    return dict(unit.rows("select dossier, round_id from overstap.dossier where dossier = any(%(ids)s)", ids=dossiers))


def hand_in(
    unit: UnitOfWork,
    typed: UUID,
    school: str,
    on_version: int,
    *,
    content: bytes,
    pupil: bytes,
    digest: bytes,
    by: str,
) -> TypedAnswer:
    """Hand a dossier in, as it was made of version `on_version` of the draft.

    Args:
        unit: a transaction of the login `overstap_school`.
        typed: id of the draft.
        school: the school that is signed in.
        on_version: version of the draft that was read.
        content: the dossier, OSO XML.
        pupil: keyed hash of the pupil (32 bytes), as the intake makes it.
        digest: content digest of the dossier (32 bytes), for the audit line.
        by: the account.
    """
    sealed = unit.keys.encrypt(content, f"typed/{typed}")
    return TypedAnswer(
        unit.one(
            "select overstap.hand_in_typed(%(typed)s, %(school)s, %(version)s, %(key)s, %(content)s, %(pupil)s, "
            "%(digest)s, %(by)s)",
            typed=typed,
            school=school,
            version=on_version,
            key=sealed.key_id,
            content=sealed.data,
            pupil=pupil,
            digest=digest.hex(),
            by=by,
        )[0]
    )


def hand_in_file(
    unit: UnitOfWork,
    round_id: str,
    school: str,
    before: TypedDossier | None,
    *,
    content: bytes,
    name: Mapping[str, str],
    pupil: bytes,
    digest: bytes,
    by: str,
) -> TypedAnswer:
    """Hand in a dossier that was uploaded as a file, in the place of the file of the same pupil before it.

    Args:
        unit: a transaction of the login `overstap_school`.
        round_id: the round.
        school: the school that is signed in.
        before: what the school handed in of the pupil before, as `of_pupil` returns it.
        content: the dossier, minimised, OSO XML.
        name: answers that have the pupil's name, for lists.
        pupil: keyed hash of the pupil (32 bytes), as the intake makes it.
        digest: content digest of the dossier (32 bytes), for the audit line.
        by: the account.
    """
    typed, version = (before.typed, before.version) if before is not None else (uuid4(), 0)
    sealed = unit.keys.encrypt(content, f"typed/{typed}")
    named = unit.keys.encrypt(
        json.dumps(dict(name), ensure_ascii=False).encode(), f"typed/{typed}/leerling/{version + 1}"
    )
    return TypedAnswer(
        unit.one(
            "select overstap.hand_in_file(%(round)s, %(typed)s, %(school)s, %(version)s, %(key)s, %(content)s, "
            "%(step_key)s, %(named)s, %(pupil)s, %(digest)s, %(by)s)",
            round=round_id,
            typed=typed,
            school=school,
            version=version,
            key=sealed.key_id,
            content=sealed.data,
            step_key=named.key_id,
            named=named.data,
            pupil=pupil,
            digest=digest.hex(),
            by=by,
        )[0]
    )


def reopen(unit: UnitOfWork, typed: UUID, school: str, by: str) -> TypedAnswer:
    """Take a handed-in dossier up again; what was handed in stays valid until it is handed in again."""
    return TypedAnswer(
        unit.one("select overstap.reopen_typed(%(typed)s, %(school)s, %(by)s)", typed=typed, school=school, by=by)[0]
    )


def drop(unit: UnitOfWork, typed: UUID, school: str, by: str) -> TypedAnswer:
    """Throw a draft away that was never handed in; what was typed is gone at once."""
    return TypedAnswer(
        unit.one("select overstap.drop_typed(%(typed)s, %(school)s, %(by)s)", typed=typed, school=school, by=by)[0]
    )


def handed_in(unit: UnitOfWork, round_id: str, school: str) -> list[UUID]:
    """Return the ids of what a school handed in for a round, in the order of beginning."""
    return [
        row[0]
        for row in unit.rows(
            "select typed from overstap.typed_dossier where round_id = %(round)s and primary_school = %(school)s "
            "and content <> '' order by typed",
            round=round_id,
            school=school,
        )
    ]


def content_of(unit: UnitOfWork, typed: UUID) -> bytes:
    """Return a dossier as it was handed in last, OSO XML.

    Raises:
        LookupError: it was never handed in.
        OverstapError: LEDGER-014 when it was erased.
    """
    key_id, content = unit.one(
        "select key_id, content from overstap.typed_dossier where typed = %(typed)s and content is not null",
        typed=typed,
    )
    return unit.keys.decrypt(EncryptedContent(key_id, content), f"typed/{typed}")


def earlier(unit: UnitOfWork, round_id: str, school: str) -> list[VersionRef]:
    """Return the newest dossiers of a school in the other rounds of the same school year, the newest round first."""
    return [
        VersionRef(dossier, number)
        for dossier, number in unit.rows(
            "select d.dossier, d.version from overstap.dossier d join overstap.round o on o.round_id = d.round_id "
            "join overstap.round r on r.round_id = %(round)s and r.school_year = o.school_year "
            "where d.round_id <> r.round_id and d.primary_school = %(school)s and d.erased_at is null "
            "and d.state <> 'withdrawn' and not exists (select from overstap.typed_dossier t "
            "where t.round_id = r.round_id and t.primary_school = d.primary_school and t.pupil = d.pupil) "
            "order by o.opened_at desc, d.dossier",
            round=round_id,
            school=school,
        )
    ]


def pupils_with_dossier(unit: UnitOfWork, round_id: str, school: str) -> frozenset[bytes]:
    """Return the keyed hashes (32 bytes) of the pupils of whom a school has a dossier in a round."""
    return frozenset(
        bytes(row[0])
        for row in unit.rows(
            "select pupil from overstap.dossier where round_id = %(round)s and primary_school = %(school)s",
            round=round_id,
            school=school,
        )
    )


def refusals(unit: UnitOfWork, round_id: str, school: str) -> dict[str, str]:
    """Return the error code of what the last collection refused of a school, by label."""
    return dict(
        unit.rows(
            "select label, code from overstap.refused_input where round_id = %(round)s and primary_school = %(school)s",
            round=round_id,
            school=school,
        )
    )


def _opened(unit: UnitOfWork, typed: UUID, step: str, number: int, sealed: EncryptedContent) -> dict[str, str]:
    plain = unit.keys.decrypt(sealed, f"typed/{typed}/{step}/{number}")
    found: dict[str, str] = json.loads(plain)
    return found


def _row(row: TupleRow) -> TypedDossier:
    typed, round_id, state, *rest = row
    return TypedDossier(typed, round_id, TypedState(state), *rest)
