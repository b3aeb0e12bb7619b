"""Everything that the ledger holds of one pupil, for a request for access (AVG art. 15).

A pupil is found by the keyed hash of the number. Dossiers and roster entries without a number are found by the LAS key
that another row of the same school and school year has; drafts that were not handed in by the number that somebody
typed; refused files by the number or name in their name; lists of pupils at guest schools by the name. A surname alone
serves where no first name stands with it: another pupil can have the same.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from overstap.agreements.model import RoundKind
from overstap.errors import OverstapError
from overstap.ledger.audit import AuditLine
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.region_keys import EncryptedContent
from overstap.ledger.review import access_log
from overstap.ledger.session import UnitOfWork

ACTION = "privacy.access"
_OF_YEAR = "and (%(year)s::text is null or school_year = %(year)s)"
_OF_ROUND_YEAR = (
    "and (%(year)s::text is null or round_id in (select round_id from overstap.round where school_year = %(year)s))"
)
_DOSSIER = "dossier = any(%(dossiers)s)"
_MESSAGE = "message_id in (select message_id from overstap.delivery where dossier = any(%(dossiers)s))"
_PUPIL_OF_YEAR = f"pupil = any(%(pupils)s) {_OF_YEAR}"
_ROSTER = "roster_pupil = any(%(rosters)s)"
_TYPED = f"(pupil = any(%(pupils)s) or typed = any(%(drafts)s)) {_OF_ROUND_YEAR}"
_IN_TYPED = f"typed in (select typed from overstap.typed_dossier where {_TYPED})"  # noqa: S608 (texts above)
_MAILED = "exists (select from unnest(%(dossiers)s::uuid[]) as one where position(one::text in meaning) > 0)"


@dataclass(frozen=True, slots=True)
class PupilTable:
    """A table with data of pupils.

    Args:
        where: which rows are a pupil's.
        sealed: per encrypted column the column of its key, and what the encryption is bound to, filled from the row.
        without: columns that are not exported: secrets of codes, and copies sealed for somebody else.
    """

    where: str
    sealed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    without: frozenset[str] = frozenset()


TABLES: dict[str, PupilTable] = {
    "dossier": PupilTable(_DOSSIER),
    "dossier_version": PupilTable(_DOSSIER, {"content": ("key_id", "{dossier}/{number}")}),
    "dossier_record": PupilTable(_DOSSIER, {"record": ("key_id", "record/{dossier}/{number}")}),
    "dossier_event": PupilTable(_DOSSIER),
    "finding": PupilTable(_DOSSIER),
    "supplied_file": PupilTable(_DOSSIER),
    "without_receiver": PupilTable(_DOSSIER),
    "retention_hold": PupilTable(_DOSSIER),
    "roster_pupil": PupilTable(_ROSTER, {"content": ("key_id", "roster/{roster_pupil}")}),
    "roster_event": PupilTable(_ROSTER),
    "typed_dossier": PupilTable(_TYPED, {"content": ("key_id", "typed/{typed}")}),
    "typed_step": PupilTable(_IN_TYPED, {"content": ("key_id", "typed/{typed}/{step}/{number}")}),
    "typed_file": PupilTable(_IN_TYPED, {"content": ("key_id", "typed_file/{file}")}),
    "entitled": PupilTable(_DOSSIER),
    "invitation": PupilTable(_DOSSIER),
    "letter_print": PupilTable(_DOSSIER),
    "mail": PupilTable(_MAILED, {"content": ("key_id", "mail/{meaning}")}),
    "content_access": PupilTable(_DOSSIER),
    "review_frozen": PupilTable(_DOSSIER),
    "review_access": PupilTable(_DOSSIER, without=frozenset({"finds", "proves", "held", "held_key_id", "showing"})),
    "review_proof": PupilTable(_DOSSIER, without=frozenset({"content"})),
    "review_decision": PupilTable(
        _DOSSIER,
        {"view": ("key_id", "view/{dossier}/{number}"), "note": ("note_key_id", "note/{dossier}/{number}")},
    ),
    "review_request": PupilTable(
        _DOSSIER, {"text": ("key_id", "request/{request}"), "answer": ("answer_key_id", "answer/{request}")}
    ),
    "application": PupilTable(_PUPIL_OF_YEAR),
    "application_event": PupilTable(_PUPIL_OF_YEAR),
    "outside_registration": PupilTable(_PUPIL_OF_YEAR),
    "comparison_pseudonym": PupilTable(_PUPIL_OF_YEAR, without=frozenset({"point"})),
    "applied_elsewhere": PupilTable(_PUPIL_OF_YEAR),
    "board_note": PupilTable(_PUPIL_OF_YEAR, {"content": ("key_id", "board_note/{note}")}),
    "placement_answer": PupilTable(f"pupil = any(%(pupils)s) {_OF_ROUND_YEAR}"),
    "pupil_test": PupilTable(_PUPIL_OF_YEAR, {"content": ("key_id", "test/{pupil_test}")}),
    "test_registration": PupilTable(_PUPIL_OF_YEAR),
    "advice_flag": PupilTable(_PUPIL_OF_YEAR),
    "advice_seen": PupilTable(_PUPIL_OF_YEAR),
    "delivery": PupilTable(_DOSSIER, without=frozenset({"envelope", "key_id"})),
    "receipt": PupilTable(_MESSAGE),
    "result": PupilTable(_MESSAGE),
    "non_delivery": PupilTable(_MESSAGE),
    "page_collection": PupilTable(_MESSAGE),
    "page_confirmation": PupilTable(_MESSAGE),
    "page_result": PupilTable(_MESSAGE),
    "dossier_request": PupilTable("pupil = any(%(pupils)s)"),
    "withdrawal": PupilTable(_DOSSIER),
    "envelope_withdrawal": PupilTable(_DOSSIER),
    "revocation": PupilTable(_MESSAGE),
    "handover": PupilTable(_DOSSIER, {"note": ("key_id", "handover/{handover}")}),
    "support_decision": PupilTable(_DOSSIER, {"content": ("key_id", "support/{decision}")}),
    "guest_dossier": PupilTable(_DOSSIER),
    "guest_school": PupilTable("guest = any(%(guests)s)", without=frozenset({"finds", "key_id", "content"})),
    "refused_input": PupilTable("label = any(%(refused)s)", without=frozenset({"key_id", "file_name"})),
    "pupil_progress": PupilTable(_PUPIL_OF_YEAR, {"content": ("key_id", "progress/{progress}")}),
}
"""What is exported, in the order of the export. Tests compare it with the database's catalogue."""
LEFT_OUT = {
    "second_person": "who asked for and confirmed an act of two persons; no task may read it, and the act is exported",
    "review_answer": "links a decision, which is exported, to the form that was sent",
    "review_session": "an open stay on the parents' pages, of an hour; it holds nothing that the copy does not",
    "review_attachment": "an attachment of the exported dossier, sealed for the persons with a code",
    "test_message": "no pupil is in a test message",
}
"""Tables with an id of a dossier, message or person that are not exported, with the reason."""
OF_NO_PUPIL = {
    "school_report": "what was found in all dossiers of a school; the findings of this pupil are exported",
    "second_person": LEFT_OUT["second_person"],
    **dict.fromkeys(("region", "state", "transition", "due_work", "backup", "certificate"), "of the deployment"),
    **dict.fromkeys(
        ("school", "school_line", "school_mapping", "test_obstacle", "guest_ask", "roster", "roster_owner"),
        "of schools: names of columns, counts and moments",
    ),
    **dict.fromkeys(("offer", "draw"), "places of a school and the order of its draw, in numbers"),
    **dict.fromkeys(
        ("round", "round_agreement", "run_change", "milestone_passed", "quality_run", "collected", "review_ground"),
        "of a round: what was agreed, and counts",
    ),
    **dict.fromkeys(("gate_decision", "gate_hold", "window_decision"), "decisions about a round, with counts"),
    **dict.fromkeys(
        ("refused_registration", "refused_list_row", "refused_roster"),
        "why a row was refused, without anything of the row",
    ),
    **dict.fromkeys(("notice", "task_failure", "alarm"), "codes, counts and names of schools"),
    "pupil_search": "which coordinator looked a pupil up, and when: not whom; the audit line of a found one has the id",
    "comparison": "questions to another region and answers, in numbers; what one told of the pupil is exported",
    **dict.fromkeys(
        ("agreement_draft", "agreement_draft_approval", "agreement_draft_version"), "drafts of an agreement"
    ),
    **dict.fromkeys(
        ("contact_call", "contact_message", "contact_message_to", "contact_person"), "talks with schools, not of pupils"
    ),
    **dict.fromkeys(
        ("school_account", "school_attempt", "school_device", "school_factor", "school_recovery_code", "school_stay"),
        "staff of schools, and their signing in",
    ),
    **dict.fromkeys(("review_attempt", "review_salt"), "guesses on the parents' pages, without a code or a person"),
    **dict.fromkeys(
        ("audit_line", "audit_checkpoint"), "the audit chain; its lines about this pupil are exported as disclosures"
    ),
}
"""All other tables, with the reason: a table that is added later has to be named in one of the three."""
_FIND = {
    "typed_step": "select s.typed::text, s.key_id, s.content, 'typed/' || s.typed || '/' || s.step || '/' || s.number "
    "from overstap.typed_step s where s.typed = any(%(drafts)s)",
    "refused_input": "select label, key_id, file_name, 'file/' || label from overstap.refused_input "  # noqa: S608 (no input)
    f"where primary_school = %(school)s and octet_length(file_name) > 0 {_OF_ROUND_YEAR}",
    "guest_school": "select guest::text, key_id, content, 'guest/' || guest from overstap.guest_school "  # noqa: S608 (no input)
    f"where school = %(school)s and content is not null {_OF_ROUND_YEAR}",
}
"""Content of a school without a hash of the pupil, and what its encryption is bound to: read to find the pupil."""
_NO_NAMES = frozenset(
    (
        *("van", "de", "der", "den", "het", "ter", "ten", "te", "el", "al", "la", "le"),
        *("xml", "csv", "xlsx", "pdf", "zip", "edexml", "oso", "dossier"),
    )
)
"""Words beside a surname that are no first name: prefixes, and what files are called."""
_GONE = ("LEDGER-002", "LEDGER-014")
"""Its key was destroyed; it was erased."""
_OPENED = {
    "typed_dossier": "typed",
    "roster_pupil": "roster_pupil",
    "pupil_test": "pupil_test",
    "support_decision": "decision",
    "pupil_progress": "progress",
    "board_note": "note",
}
"""Tables with content outside dossiers of which each opening has an audit line, and the column of its subject."""


@dataclass(frozen=True, slots=True)
class DataSubject:
    """Where the ledger has one pupil: handles and ids.

    Args:
        pupils: keyed hashes: of the number, and of LAS keys in rounds without numbers.
        dossiers: ids of the dossiers.
        rosters: ids of the roster entries.
        year: the school year that was asked for; None: all.
        school: the school that the request names, whose content without a hash is searched.
        number: the pupil's number.
        drafts: ids of the school's drafts without a number, of which some may be the pupil's.
    """

    pupils: Sequence[bytes] = field(repr=False)
    dossiers: Sequence[UUID]
    rosters: Sequence[UUID]
    year: str | None
    school: str
    number: str = field(repr=False)
    drafts: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class SubjectData:
    """Everything of one pupil.

    Args:
        tables: rows per table that has any; encrypted columns are decrypted.
        files: OSO XML by path in the export.
        unreadable: "table.column: error code" of what cannot be decrypted any more, such as erased content.
        disclosures: who could see each dossier, from the audit chain, by dossier id.
    """

    tables: dict[str, list[dict[str, Any]]] = field(repr=False)
    files: dict[str, bytes] = field(repr=False)
    unreadable: list[str]
    disclosures: dict[str, list[access_log.Disclosure]] = field(repr=False)


def find(unit: UnitOfWork, number: str, school: str, year: str | None) -> DataSubject | None:
    """Return where the ledger has a pupil; None when it has nothing, or nothing at this school.

    Where the school has drafts without a number, one of them may be the pupil's, which is known when they were read.

    Args:
        unit: the transaction.
        number: BSN or onderwijsnummer.
        school: BRIN with branch of a school that supplied or received data of the pupil.
        year: the school year; None: all.
    """
    hashed = unit.keys.lookup("pupil", number)
    numbered = unit.rows(
        "select d.dossier, d.las_key, d.primary_school, o.school_year from overstap.dossier d "
        "join overstap.round o on o.round_id = d.round_id where d.pupil = %(pupil)s "
        "and (%(year)s::text is null or o.school_year = %(year)s)",
        pupil=hashed,
        year=year,
    )
    entries = unit.rows(
        "select roster_pupil, las_key, school, school_year from overstap.roster_pupil where pupil = %(pupil)s "
        "and (%(year)s::text is null or school_year = %(year)s)",
        pupil=hashed,
        year=year,
    )
    keyed = {(bytes(key), of, in_year) for _, key, of, in_year in (*numbered, *entries) if key is not None}
    values = {
        "keys": [one[0] for one in keyed],
        "schools": [one[1] for one in keyed],
        "years": [one[2] for one in keyed],
    }
    unnumbered = unit.rows(
        "select d.dossier, d.pupil from overstap.dossier d join overstap.round o on o.round_id = d.round_id "
        "join unnest(%(keys)s::bytea[], %(schools)s::text[], %(years)s::text[]) as k (las_key, school, school_year) "
        "on k.las_key = d.las_key and k.school = d.primary_school and k.school_year = o.school_year "
        "where o.kind = %(kind)s",
        kind=RoundKind.SUPPORT.value,
        **values,
    )
    unnumbered_entries = unit.rows(
        "select r.roster_pupil from overstap.roster_pupil r join "
        "unnest(%(keys)s::bytea[], %(schools)s::text[], %(years)s::text[]) as k (las_key, school, school_year) "
        "using (las_key, school, school_year) where r.pupil is null",
        **values,
    )
    found = DataSubject(
        [hashed, *(bytes(pupil) for _, pupil in unnumbered)],
        list(dict.fromkeys(row[0] for row in (*numbered, *unnumbered))),
        list(dict.fromkeys(row[0] for row in (*entries, *unnumbered_entries))),
        year,
        school,
        number,
        [
            row[0]
            for row in unit.rows(
                "select typed from overstap.typed_dossier where pupil is null and primary_school = %(school)s "  # noqa: S608 (no input)
                f"{_OF_ROUND_YEAR} order by typed",
                school=school,
                year=year,
            )
        ],
    )
    if _is_known_at(unit, found, school):
        return found
    return replace(found, pupils=[], dossiers=[], rosters=[]) if found.drafts else None


def note_access(unit: UnitOfWork, subject: DataSubject | None, *, school: str, by: str) -> None:
    """Record that everything of a pupil is about to be opened and exported, or that nothing was found.

    Args:
        unit: the transaction; commit it before anything is read.
        subject: the pupil; None: nothing was found.
        school: the school that the request names.
        by: who answers the request.
    """
    detail: dict[str, Any] = {"by": by, "school": school, "found": subject is not None}
    if subject is not None:
        values = _values(subject)
        refs = [
            VersionRef(*row)
            for row in unit.rows(
                f"select dossier, number from overstap.dossier_version where {_DOSSIER} order by dossier, number",  # noqa: S608 (texts above)
                **values,
            )
        ]
        access_log.note_opened(unit, refs, by=by, purpose="subject_access")
        others = [
            f"{table}/{row[0]}"
            for table, column in _OPENED.items()
            for row in unit.rows(
                f"select {column} from overstap.{table} where {TABLES[table].where} order by 1",  # noqa: S608 (names above)
                **values,
            )
        ]
        unit.audit("content.open", *(AuditLine(one, {"purpose": "subject_access", "by": by}) for one in others))
        detail |= {"dossiers": len(subject.dossiers), "versions": len(refs), "drafts_searched": len(subject.drafts)}
    unit.audit(ACTION, AuditLine(str(uuid4()), detail))


def collect(unit: UnitOfWork, subject: DataSubject) -> SubjectData | None:
    """Return everything of a pupil, decrypted; None when there is nothing after all.

    `note_access` comes first, in a transaction of its own.

    Raises:
        OverstapError: LEDGER-003 when content was changed. Content that was erased, or whose key was destroyed, is
            named in the result.
    """
    tables: dict[str, list[dict[str, Any]]] = {}
    files: dict[str, bytes] = {}
    unreadable: list[str] = []
    values = _values(subject) | {"drafts": _drafts(unit, subject)}
    for name, table in TABLES.items():
        if name == "guest_school":  # the names in the pupil's own content are known by now
            values |= _named(unit, subject, _names_of(subject, tables))
        for row in _rows(unit, name, table, values):
            out = _exported(unit, name, table, row, files, unreadable)
            tables.setdefault(name, []).append(out)
    _add_named(unit, tables, _names_of(subject, tables))
    if not tables:
        return None
    disclosures = {str(one): access_log.disclosures(unit, one) for one in subject.dossiers}
    return SubjectData(tables, files, unreadable, disclosures)


def _values(subject: DataSubject) -> dict[str, Any]:
    return {
        "pupils": list(subject.pupils),
        "dossiers": list(subject.dossiers),
        "rosters": list(subject.rosters),
        "year": subject.year,
        "school": subject.school,
        "drafts": list(subject.drafts),
        "guests": [],
        "refused": [],
    }


def _searched(unit: UnitOfWork, subject: DataSubject, table: str) -> Iterator[tuple[str, str]]:
    """Yield id and decrypted text of the school's content in a table without a hash of the pupil."""
    for one, key_id, content, bound_to in unit.rows(_FIND[table], **_values(subject)):
        try:
            plain = unit.keys.decrypt(EncryptedContent(key_id, bytes(content)), bound_to)
        except OverstapError as problem:
            if problem.code not in _GONE:
                raise
            continue  # whose it was, nobody can tell any more
        yield one, plain.decode(errors="replace")


def _drafts(unit: UnitOfWork, subject: DataSubject) -> list[UUID]:
    """Return the drafts in which somebody typed the pupil's number, in any version of a step."""
    return list(
        {
            UUID(one): None
            for one, text in _searched(unit, subject, "typed_step")
            if any(str(value).strip() == subject.number for value in json.loads(text).values())
        }
    )


@dataclass(frozen=True, slots=True)
class _PupilNames:
    """What a pupil is called in texts that schools wrote: number, surnames and first names, in small letters."""

    number: str = field(repr=False)
    surnames: frozenset[str] = field(repr=False)
    first: frozenset[str] = field(repr=False)

    def are_in(self, text: str) -> bool:
        """Tell whether a text names the pupil: the number, or a surname without another first name beside it."""
        said = f" {_words(text)} "
        if f" {self.number} " in said:
            return True
        found = [one for one in self.surnames if f" {one} " in said]
        if not found:
            return False
        beside = set(said.replace(f" {max(found, key=len)} ", " ").split()) - _NO_NAMES
        given = {one for one in beside if one.isalpha()}
        initials = {one[0] for one in self.first}
        return not given or not self.first or bool(given & (self.first | initials))


def _words(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text).casefold().strip()


def _named(unit: UnitOfWork, subject: DataSubject, names: _PupilNames) -> dict[str, Any]:
    """Return the guest schools' lists and the refused files that name the pupil."""
    return {
        "guests": [
            UUID(one)
            for one, text in _searched(unit, subject, "guest_school")
            if any(map(names.are_in, _listed(json.loads(text))))
        ],
        "refused": [one for one, text in _searched(unit, subject, "refused_input") if names.are_in(text)],
    }


def _names_of(subject: DataSubject, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> _PupilNames:
    """Return the names under which the pupil is known in dossiers and rosters."""
    records = [row["record"].get("facts", {}) for row in tables.get("dossier_record", ()) if row["record"]]
    known = [*records, *(row["content"] for row in tables.get("roster_pupil", ()) if row["content"])]
    surnames = {_words(str(one["surname"])) for one in known if one.get("surname")}
    first = {word for one in known for word in _words(str(one.get("first_name") or "")).split()}
    return _PupilNames(subject.number, frozenset(surnames - {""}), frozenset(first))


def _listed(said: Mapping[str, Any]) -> list[str]:
    """Return the names on a guest school's list, and those that receivers asked for, each once."""
    return list(dict.fromkeys([*said["pupils"], *(name for names in said.get("asks", {}).values() for name in names)]))


def _add_named(unit: UnitOfWork, tables: Mapping[str, list[dict[str, Any]]], names: _PupilNames) -> None:
    """Add the pupil's own entries of a guest school's list, and the names of refused files."""
    for row in tables.get("guest_school", ()):
        said = json.loads(_content_of(unit, "guest_school", "guest", row["guest"]))
        row["content"] = [one for one in _listed(said) if names.are_in(one)]
    for row in tables.get("refused_input", ()):
        row["file_name"] = _content_of(unit, "refused_input", "label", row["label"])


def _content_of(unit: UnitOfWork, table: str, column: str, one: str) -> str:
    sealed, kind = ("file_name", "file") if table == "refused_input" else ("content", "guest")
    key_id, content = unit.one(
        f"select key_id, {sealed} from overstap.{table} where {column}::text = %(one)s",  # noqa: S608 (names above)
        one=one,
    )
    return unit.keys.decrypt(EncryptedContent(key_id, bytes(content)), f"{kind}/{one}").decode(errors="replace")


_SCHOOLS = ("school", "primary_school", "secondary_school")


def _is_known_at(unit: UnitOfWork, subject: DataSubject, school: str) -> bool:
    """Return whether a row of the pupil names the school."""
    values = _values(replace(subject, drafts=()))
    return any(
        row.get(column) == school
        for name in (
            "dossier",
            "roster_pupil",
            "typed_dossier",
            "application",
            "outside_registration",
            "pupil_test",
            "test_registration",
        )
        for row in _rows(unit, name, TABLES[name], values)
        for column in _SCHOOLS
    ) or any(row["secondary_school"] == school for row in _rows(unit, "delivery", TABLES["delivery"], values))


def _rows(unit: UnitOfWork, name: str, table: PupilTable, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    cursor = unit.connection.execute(
        f"select * from overstap.{name} where {table.where}",  # noqa: S608 (names above)
        values,
    )
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _exported(
    unit: UnitOfWork,
    name: str,
    table: PupilTable,
    row: Mapping[str, Any],
    files: dict[str, bytes],
    unreadable: list[str],
) -> dict[str, Any]:
    """Return a row for the export; OSO XML goes to the files, and what cannot be read is listed."""
    out: dict[str, Any] = {}
    keys = {key for key, _ in table.sealed.values()}
    for column, value in row.items():
        if column in table.without or column in keys:
            continue
        if column not in table.sealed or value is None:
            out[column] = _plain(value)
            continue
        key_column, bound_to = table.sealed[column]
        try:
            plain = unit.keys.decrypt(EncryptedContent(row[key_column], bytes(value)), bound_to.format(**row))
        except OverstapError as problem:
            if problem.code not in _GONE:
                raise
            unreadable.append(f"{name}.{column}: {problem.code}")
            out[column] = None
            continue
        if name in ("dossier_version", "typed_dossier"):
            place = f"{row['dossier']}-{row['number']}" if name == "dossier_version" else f"{row['typed']}"
            out[column] = f"{name}/{place}.xml"
            files[out[column]] = plain
        else:
            out[column] = _opened(plain)
    return out


def _opened(plain: bytes) -> Any:
    """Return decrypted content as JSON has it: its own JSON, its text, or base64."""
    try:
        text = plain.decode()
    except UnicodeDecodeError:
        return base64.b64encode(plain).decode()
    try:
        return json.loads(text)
    except ValueError:
        return text


def _plain(value: Any) -> Any:
    """Return a value of a column as JSON has it: digests and hashes in hex, signed statements in base64."""
    match value:
        case bytes():
            return value.hex() if len(value) <= 32 else base64.b64encode(value).decode()
        case datetime() | date():
            return value.isoformat()
        case UUID():
            return str(value)
        case list():
            return [_plain(one) for one in value]
    return value
