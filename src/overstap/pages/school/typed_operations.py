"""Operations of the schools' pages on dossiers that a school types in."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from overstap.agreements import Agreement, Round
from overstap.clock import dutch_time, now
from overstap.errors import OverstapError
from overstap.ledger import Ledger, downloads, guests
from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.dossiers import records, support_decisions, typed
from overstap.ledger.dossiers.dossiers import IncomingDossier, VersionRef, pupil_hash
from overstap.ledger.dossiers.reference import reference
from overstap.ledger.dossiers.support_decisions import SupportDecision
from overstap.ledger.dossiers.typed import EMPTY_STEP, TypedAnswer, TypedDossier, TypedState, TypedStep
from overstap.ledger.review import access_log
from overstap.ledger.rosters.entries import open_entries
from overstap.ledger.rounds.rounds import RoundRow, get_round
from overstap.ledger.session import UnitOfWork
from overstap.oso.attachments import UnpackingError, unpack
from overstap.oso.entitled_persons import entitled_carers
from overstap.oso.facts import DossierFacts
from overstap.oso.minimisation import UNNUMBERED
from overstap.oso.model import Dossier
from overstap.oso.reading import read
from overstap.oso.writing import content_digest, to_bytes
from overstap.quality.region_rulebook import expected_in
from overstap.review.copies import FrozenVersion, person_copy, viewable_files
from overstap.review.hiding import PUPIL
from overstap.texts import texts
from overstap.typed.answers import (
    COUNT,
    AnswerFault,
    Answers,
    Clash,
    answers_of,
    count_of,
    is_there,
    merged,
    renumbered,
    taken_in,
    without,
)
from overstap.typed.dossier import FormFinding, Maker, TypedFile, file_fault, judged, made_dossier, safe_name
from overstap.typed.form import Form, FormFieldKind, FormStep, form_of, newest_version, template_of
from overstap.typed.prefill import FormPupil, FormSchool, first_answers
from overstap.typed.workbook import WorkbookRow, columns_of, make_workbook, read_workbook, school_lines

PREFILLED = "overstap"
"""Who filled in what nobody typed: a step that only has that shows no faults yet."""
_SCHOOL, _PUPIL_STEP = "school", "leerling"
_TRIES = 20
"""Attempts to save beside others; more people than that do not save one step in the same second."""


@dataclass(frozen=True, slots=True)
class TypedRound:
    """A round for which a school types dossiers in."""

    row: RoundRow
    agreed: Round
    form: Form
    expected: frozenset[str]
    own_codes: frozenset[tuple[str, str]]
    is_closed: bool
    agreement: Agreement = field(repr=False)
    """The agreement with the round's guest schools."""


@dataclass(frozen=True, slots=True)
class TypedPupil:
    """One draft in the list.

    Args:
        draft: the draft.
        name: name of the pupil, as far as it was typed; empty before.
        reference: by which the board and the list of faults name it.
        refusal: what the last collection refused it for; None when it did not.
    """

    draft: TypedDossier
    name: str = field(repr=False)
    reference: str
    refusal: OverstapError | None


@dataclass(frozen=True, slots=True)
class EarlierPupil:
    """A dossier of another round of the school year, with which a draft can begin."""

    dossier: UUID
    name: str = field(repr=False)
    round: str


@dataclass(frozen=True, slots=True)
class UnwrittenPupil:
    """A pupil on the school's roster of whom the round has neither a dossier nor a draft."""

    entry: UUID
    name: str = field(repr=False)
    group: str


@dataclass(frozen=True, slots=True)
class TypedList:
    """All drafts of a school in a round."""

    round_id: str
    kind: str
    school_year: str
    inspects: bool
    is_closed: bool
    pupils: Sequence[TypedPupil]
    earlier: Sequence[EarlierPupil]
    roster: Sequence[UnwrittenPupil]
    asked: Sequence[str] = field(default=(), repr=False)
    """The pupils that a guest school was invited for, as the inviting school or coordinator wrote them."""


@dataclass(frozen=True, slots=True)
class OpenDraft:
    """A draft with all that a page shows of it."""

    round_id: str
    round: TypedRound = field(repr=False)
    draft: TypedDossier
    name: str = field(repr=False)
    reference: str
    steps: Mapping[str, TypedStep] = field(repr=False)
    files: Mapping[str, TypedFile] = field(repr=False)
    dossier: Dossier
    findings: Sequence[FormFinding]
    taken_over: Sequence[SupportDecision] = field(repr=False, default=())
    """Decisions of a partnership whose number stands among the answers."""

    def answers(self, step: str) -> Answers:
        """Return the answers of a step."""
        return self.steps.get(step, EMPTY_STEP).answers

    def is_begun(self, step: str) -> bool:
        """Return whether somebody saved a step, so that what is missing in it is told."""
        return self.steps.get(step, EMPTY_STEP).changed_by not in ("", PREFILLED)

    def errors(self, step: str) -> int:
        """Return the number of faults of a step that keep the dossier from being handed in."""
        return sum(one.severity == "error" for one in self.findings if one.step == step)

    @property
    def error_count(self) -> int:
        """Number of faults in all steps."""
        return sum(one.severity == "error" for one in self.findings)

    def next_step(self, behind: str) -> str | None:
        """Return the step that follows one: the next mandatory one, without the school's own when it is complete."""
        names = [one.name for one in self.round.form.steps if one.is_mandatory]
        if behind not in names:
            return None
        for name in names[names.index(behind) + 1 :]:
            if name != _SCHOOL or self.errors(name):
                return name
        return None


@dataclass(frozen=True, slots=True)
class SavedStep:
    """What became of a step that was sent.

    Args:
        draft: the draft as it is now.
        clashes: fields that somebody else changed meanwhile; the others were saved.
        answers: the answers to show; those of the draft unless there are clashes or it is settled.
        by: who else saved this step meanwhile; empty when nobody did.
        file_faults: path and code of each file that was refused.
        is_settled: whether nothing was saved: it was handed in or thrown away meanwhile, its round is closed, or it is
            full.
        is_full: whether it has as much text as it may have.
    """

    draft: OpenDraft
    clashes: Sequence[Clash]
    answers: Answers = field(repr=False)
    by: str
    file_faults: Sequence[tuple[str, str]]
    is_settled: bool
    is_full: bool = False


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file of a form: the path of its field, its name and its bytes."""

    path: str
    name: str = field(repr=False)
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WorkbookOutcome:
    """What became of a workbook.

    Args:
        taken: number of pupils that were handed in, new or changed.
        same: number of pupils of whom nothing was changed.
        refused: number of rows that were not handed in.
        copy: workbook with those rows and the faults in their cells; None when there are none.
    """

    taken: int
    same: int
    refused: int
    copy: bytes | None = field(repr=False)


class TypedOperations:
    """Operations on drafts; each is limited to the account's school, in its region's role.

    Args:
        ledger: gives a connection to the ledger.
    """

    def __init__(self, ledger: Callable[[], AbstractContextManager[Ledger]]) -> None:
        self._ledger = ledger

    def list(self, account: SchoolAccount, round_id: str) -> TypedList:
        """Return the drafts of the school in a round."""
        with self._ledger() as ledger, ledger.unit(account.region, account.actor) as unit:
            about = typed_round(unit, round_id, account.school)
            asked = guests.asked_of(unit, unit.keys, round_id, account.school)
            first = typed.first_steps(unit, round_id, account.school, _PUPIL_STEP)
            refused = typed.refusals(unit, round_id, account.school)
            pupils = [
                TypedPupil(
                    one,
                    _name(first.get(one.typed, EMPTY_STEP).answers),
                    reference(one.typed),
                    _refusal(refused.get(f"ingetypt {reference(one.typed)}")),
                )
                for one in typed.of_school(unit, round_id, account.school)
            ]
            pupils.sort(key=lambda one: (one.draft.state is TypedState.HANDED_IN, one.name.casefold()))
            return TypedList(
                round_id,
                about.row.kind.dutch,
                about.row.school_year,
                about.row.kind.is_inspected,
                about.is_closed,
                pupils,
                _earlier(unit, round_id, account.school) if account.only_round is None else [],
                _unwritten(unit, about, account.school, first.values()),
                asked.everybody if asked is not None else (),
            )

    def begin(
        self, account: SchoolAccount, round_id: str, *, earlier: UUID | None = None, entry: UUID | None = None
    ) -> UUID:
        """Begin a draft, prefilled as far as anything is known; return its id.

        Args:
            account: who begins it.
            round_id: the round.
            earlier: dossier of an earlier round with which it begins; None for none.
            entry: pupil on the school's roster with whom it begins; None for none.

        Raises:
            OverstapError: SCHOOL-010 when nothing can be typed in; SCHOOL-004 when the school has no such dossier, or
                no such pupil on its roster.
        """
        with self._ledger() as ledger:
            with ledger.unit(account.region, account.actor) as unit:
                about = typed_round(unit, round_id, account.school)
                before: Dossier | None = None
                if earlier is not None:
                    refs = [one for one in typed.earlier(unit, round_id, account.school) if one.dossier == earlier]
                    if not refs or account.only_round is not None:
                        raise OverstapError("SCHOOL-004")
                    access_log.note_opened(unit, refs, by=account.actor, purpose="school_page")
                    before = read(records.content_of(unit, refs[0]))
                pupil = _of_roster(unit, about.row.school_year, account.school, entry) if entry is not None else None
            with ledger.unit(account.region, account.actor) as unit:
                made = typed.begin(unit, round_id, account.school, account.actor)
                self._prefill(unit, about, account, made, before, pupil)
        return made

    def _prefill(
        self,
        unit: UnitOfWork,
        about: TypedRound,
        account: SchoolAccount,
        made: UUID,
        before: Dossier | None,
        pupil: FormPupil | None,
    ) -> None:
        known = form_school(about, account.school)
        earlier = answers_of(about.form, before.school or {}) if before is not None else {}
        earlier = {path: text for path, text in earlier.items() if path.startswith("leerling/")}
        for path, text in list(earlier.items()):
            field_of = about.form.field_at(path)
            if field_of is None or field_of.kind is not FormFieldKind.FILE:
                continue
            del earlier[path]
            try:
                file = unpack(path, text)
            except UnpackingError:
                continue
            if file_fault(file.file.data) is None:
                answer, number = typed.add_file(
                    unit, made, account.school, safe_name(file.name, file.file.data), file.file.data, account.actor
                )
                if answer is TypedAnswer.SAVED:
                    earlier[path] = str(number)
        las_key = (pupil.las_key if pupil else "") or earlier.get("leerling/leerlingid", "")
        for decided in support_decisions.of_pupil(unit, account.school, las_key):
            # What a partnership decided is newer than what an earlier dossier says of the same measure
            taken = decided.answers(dutch_time(now()).date())
            if taken:
                block = f"leerling/onderwijsondersteuning/{decided.measure}"
                earlier = {path: text for path, text in earlier.items() if not path.startswith(block)} | taken
        steps = first_answers(
            about.form,
            known,
            school_year=about.row.school_year,
            pupil=pupil,
            school_before=typed.newest_of_school(unit, account.school, _SCHOOL),
            earlier=earlier,
        )
        for step, answers in steps.items():
            typed.save(unit, made, account.school, step, 0, answers, PREFILLED)

    def draft(self, account: SchoolAccount, round_id: str, draft: UUID) -> OpenDraft:
        """Return a draft of the school.

        Raises:
            OverstapError: SCHOOL-004 when the school has none of that id in the round.
        """
        with self._ledger() as ledger, ledger.unit(account.region, account.actor) as unit:
            return _draft(unit, account, round_id, draft)

    def save(
        self,
        account: SchoolAccount,
        round_id: str,
        draft: UUID,
        step: FormStep,
        on_number: int,
        given: Iterable[tuple[str, str]],
        files: Sequence[SentFile] = (),
        *,
        action: str = "",
    ) -> SavedStep:
        """Save a step that was made from version `on_number` of it; lose nothing that anybody typed.

        What somebody else changed meanwhile is kept beside it. Where both changed one field, theirs stays saved and
        the page shows both.

        Args:
            account: who saves.
            round_id: the round.
            draft: id of the draft.
            step: the step.
            on_number: number of the version that was shown.
            given: names and texts of the form.
            files: its files.
            action: `erbij:<block>` shows one block more, `weg:<block>` takes one away; empty for neither.
        """
        with self._ledger() as ledger:
            with ledger.unit(account.region, account.actor) as unit:
                known = typed.find(unit, round_id, account.school, draft)
                about = typed_round(unit, round_id, account.school)
                own = {str(number) for number in typed.file_ids(unit, known.typed)}
                faults: list[tuple[str, str]] = []
                is_about_blocks = action.startswith(("erbij:", "weg:"))
                # How many blocks are shown counts only while blocks are added: an empty one is not kept
                fields = [one for one in given if is_about_blocks or not one[0].startswith(COUNT)]
                for file in files:
                    field_of = about.form.field_at(file.path)
                    if field_of is None or field_of.kind is not FormFieldKind.FILE:
                        continue
                    fault = file_fault(file.content)
                    if fault is None:
                        answer, number = typed.add_file(
                            *(unit, draft, account.school, safe_name(file.name, file.content), file.content),
                            account.actor,
                        )
                        fault = {TypedAnswer.FULL: "full", TypedAnswer.SETTLED: "settled"}.get(answer)
                        if fault is None:
                            own.add(str(number))
                            fields = [one for one in fields if one[0] != file.path] + [(file.path, str(number))]
                    if fault is not None:
                        faults.append((file.path, fault))
                        fields += _kept_open(file.path)
            mine = taken_in(about.form, step, _own_files(about.form, fields, own))
            mine = _acted(about.form, step, mine, action)
            for _ in range(_TRIES):
                with ledger.unit(account.region, account.actor) as unit:
                    newest = typed.steps(unit, draft).get(step.name, EMPTY_STEP)
                    wanted, by = mine, ""
                    clashes: list[Clash] = []
                    if newest.number != on_number:
                        before = typed.answers_of_version(unit, draft, step.name, on_number)
                        both, clashes = merged(before, newest.answers, mine)
                        by = newest.changed_by
                        theirs = {one.path: one.theirs for one in clashes}
                        wanted = {path: text for path, text in (both | theirs).items() if text}
                        mine = both
                    answer = (
                        TypedAnswer.SAVED
                        if wanted == newest.answers and newest.changed_by != PREFILLED and newest.number
                        else typed.save(unit, draft, account.school, step.name, newest.number, wanted, account.actor)
                    )
                if answer is not TypedAnswer.CHANGED:
                    break
                on_number = newest.number if not clashes else on_number
            with ledger.unit(account.region, account.actor) as unit:
                now_there = _draft(unit, account, round_id, draft)
        is_settled = answer is not TypedAnswer.SAVED
        shown = mine if clashes or is_settled else now_there.answers(step.name)
        return SavedStep(now_there, clashes, shown, _person(by), faults, is_settled, answer is TypedAnswer.FULL)

    def hand_in(self, account: SchoolAccount, round_id: str, draft: UUID, on_version: int) -> TypedAnswer:
        """Hand a draft in, as it was shown at `on_version`.

        Returns:
            `HANDED_IN`; `CHANGED` when somebody changed it meanwhile or something in it is wrong; `SETTLED` or
            `DOUBLE` as the database says.
        """
        with self._ledger() as ledger, ledger.unit(account.region, account.actor) as unit:
            return _handed_in(unit, account, _draft(unit, account, round_id, draft), on_version)

    def reopen(self, account: SchoolAccount, round_id: str, draft: UUID) -> TypedAnswer:
        """Take a handed-in draft up again."""
        with self._ledger() as ledger, ledger.unit(account.region, account.actor) as unit:
            typed.find(unit, round_id, account.school, draft)
            return typed.reopen(unit, draft, account.school, account.actor)

    def drop(self, account: SchoolAccount, round_id: str, draft: UUID) -> TypedAnswer:
        """Throw a draft away that was never handed in."""
        with self._ledger() as ledger, ledger.unit(account.region, account.actor) as unit:
            typed.find(unit, round_id, account.school, draft)
            return typed.drop(unit, draft, account.school, account.actor)

    def as_parents_see(self, account: SchoolAccount, round_id: str, draft: UUID) -> tuple[OpenDraft, dict[str, Any]]:
        """Return a draft, and the copy that the first legal representative in it would see (`review.copies`)."""
        found = self.draft(account, round_id, draft)
        plain = found.dossier
        files = {file.path: (uuid4(), b"", file.kind, len(file.content)) for file in viewable_files(plain)}
        readers = entitled_carers(plain)
        frozen = FrozenVersion(
            *(plain, 1, content_digest(plain), None, None, files),
            found.round.row.agreement.own_code_labels,
        )
        path = readers[0].path if readers else PUPIL
        return found, person_copy(frozen, own_path=path, asks_changes_only=False)

    def workbook(self, account: SchoolAccount, round_id: str) -> bytes:
        """Return the workbook in which the school types its pupils: those of its roster are in it (XLSX).

        Raises:
            OverstapError: SCHOOL-010 when nothing can be typed in.
        """
        with self._ledger() as ledger, ledger.unit(account.region, account.actor) as unit:
            about = typed_round(unit, round_id, account.school)
            first = typed.first_steps(unit, round_id, account.school, _PUPIL_STEP)
            known = form_school(about, account.school)
            listed = _unwritten(unit, about, account.school, first.values())
            school: Answers = {}
            rows: list[WorkbookRow] = []
            for one in (None, *listed):
                pupil = _of_roster(unit, about.row.school_year, account.school, one.entry) if one is not None else None
                steps = first_answers(
                    about.form,
                    known,
                    school_year=about.row.school_year,
                    pupil=pupil,
                    school_before=typed.newest_of_school(unit, account.school, _SCHOOL) if one is None else None,
                )
                if one is None:
                    school = steps.get(_SCHOOL, {})
                else:
                    steps.pop(_SCHOOL, None)
                    answers = {path: text for step in steps.values() for path, text in step.items()}
                    rows.append(WorkbookRow(len(rows) + 2, answers))
            signs = downloads.signs_of(one.entry for one in listed)
            downloads.note(unit, "typed_workbook", round_id, signs, to=account.school)
        return make_workbook(about.form, school, rows)

    def take_workbook(self, account: SchoolAccount, round_id: str, data: bytes) -> WorkbookOutcome:
        """Hand in the pupils of a workbook; a row with faults comes back in a copy and is not handed in.

        Args:
            account: who supplies it.
            round_id: the round.
            data: the workbook.

        Raises:
            OverstapError: TABLE-nnn or SCHOOL-012 when it cannot be read; SCHOOL-010.
        """
        with self._ledger() as ledger, ledger.unit(account.region, account.actor) as unit:
            about = typed_round(unit, round_id, account.school)
        if about.is_closed:
            raise OverstapError("SCHOOL-010")
        found = read_workbook(about.form, data)  # without a connection, since all schools share four
        with self._ledger() as ledger:
            return take_rows(ledger, about, account, found.school, found.rows)

    def file(self, account: SchoolAccount, round_id: str, draft: UUID, file: UUID) -> TypedFile:
        """Return an attachment of a draft.

        Raises:
            OverstapError: SCHOOL-004 when the school's draft has none of that id.
        """
        found = self.draft(account, round_id, draft).files.get(str(file))
        if found is None:
            raise OverstapError("SCHOOL-004")
        with self._ledger() as ledger, ledger.unit(account.region, account.actor) as unit:
            downloads.note(unit, "typed_attachment", round_id, downloads.signs_of([draft]), to=account.school)
        return found


def typed_round(unit: UnitOfWork, round_id: str, school: str) -> TypedRound:
    """Return a round for which a school supplies dossiers; raises SCHOOL-010 when it supplies none."""
    row = get_round(unit, round_id)
    agreement: Agreement = guests.with_guests(unit, round_id, row.agreement)
    if all(one.id != school for one in agreement.suppliers(row.kind)):
        raise OverstapError("SCHOOL-010")
    agreed = agreement.round(row.kind)
    return TypedRound(
        row,
        agreed,
        form_of(newest_version(), agreed.profile, agreed.categories),
        expected_in(row.kind, agreed.categories),
        frozenset(agreement.own_code_labels),
        row.closed_at is not None,
        agreement,
    )


def form_school(about: TypedRound, school: str) -> FormSchool:
    """Return the school as the form knows it."""
    found = about.agreement.school(school)
    return FormSchool(found.id, found.name, found.contact)


def says(key: str) -> str:
    """Return a sentence about a workbook's rows, Dutch."""
    return str(texts("school/typed")["workbook"][key]["nl"])


def number_of(answers: Answers) -> str:
    """Return the number that identifies a row's pupil: BSN or onderwijsnummer, else the key at school; or empty."""
    return next(
        (text for name in ("bsn", "onderwijsnummer", "leerlingid") if (text := answers.get(f"leerling/{name}"))), ""
    )


def take_rows(
    ledger: Ledger, about: TypedRound, account: SchoolAccount, school: Answers, rows: Sequence[WorkbookRow]
) -> WorkbookOutcome:
    """Hand in the pupils of a table; those with faults come back in a workbook and are not handed in.

    Args:
        ledger: the ledger.
        about: the round.
        account: who supplies them.
        school: answers about the school.
        rows: a row per pupil, with what was wrong in reading it.
    """
    numbers = Counter(number_of(row.answers) for row in rows)
    counts: Counter[str] = Counter()
    refused = []
    for row in rows:
        faults = dict(row.faults)
        number = number_of(row.answers)
        if number and numbers[number] > 1:
            faults["leerling/bsn"] = says("double")
        if "" not in faults:  # of a row that cannot be read nothing else is said
            with ledger.unit(account.region, account.actor) as unit:
                outcome = _take_row(unit, about, account, school, row.answers, faults)
            if isinstance(outcome, str):
                counts[outcome] += 1
                continue
            faults = outcome
        refused.append(WorkbookRow(row.line, row.answers, faults))
    copy = make_workbook(about.form, school, refused) if refused else None
    return WorkbookOutcome(counts["taken"], counts["same"], len(refused), copy)


def row_faults(about: TypedRound, account: SchoolAccount, school: Answers, answers: Answers) -> dict[str, str]:
    """Return what the rules find wrong in a pupil of a table, by path; nothing is stored.

    Args:
        about: the round.
        account: who supplies it.
        school: answers about the school.
        answers: answers about the pupil.
    """
    return _probed(about, account, {**school, **answers})[1]


def _probed(about: TypedRound, account: SchoolAccount, both: Answers) -> tuple[Dossier, dict[str, str]]:
    today = dutch_time(now()).date()
    probe, faults = made_dossier(about.form, both, Maker(account.school, _NOBODY, today), {})
    found = judged(about.form, probe, faults, today=today, expected=about.expected, own_codes=about.own_codes)
    return probe, {one.path: one.message for one in found if one.severity == "error"}


def _take_row(
    unit: UnitOfWork,
    about: TypedRound,
    account: SchoolAccount,
    school: Answers,
    answers: Answers,
    known_faults: Mapping[str, str],
) -> str | dict[str, str]:
    """Hand one pupil of a workbook in; return "taken" or "same", or what is wrong by path.

    All of it is one transaction: nothing of a row that is refused stays.
    """
    both = {**school, **answers}
    steps = {
        step.name: {path: text for path, text in both.items() if about.form.step_of.get(template_of(path)) == step.name}
        for step in about.form.steps
    }
    probe, wrong = _probed(about, account, both)
    if wrong := wrong | dict(known_faults):
        return wrong
    pupil = pupil_hash(unit.keys, account.school, _incoming(about, probe))
    known = typed.of_pupil(unit, about.row.round_id, account.school, pupil)
    begun = typed.first_steps(unit, about.row.round_id, account.school, _PUPIL_STEP)
    if known is not None and known.is_file:
        return {"": says("file_there")}
    if any(
        typed_id != (known.typed if known is not None else None) and number_of(step.answers) == number_of(answers)
        for typed_id, step in begun.items()
    ) or (known is not None and known.state is TypedState.OPEN):
        return {"": says("open")}
    before = typed.steps(unit, known.typed) if known is not None else {}
    # What the workbook has no column for stays as it was typed; so does an optional step of which it says nothing
    wanted = {
        step.name: renumbered(_kept(about.form, before.get(step.name, EMPTY_STEP).answers) | steps[step.name])
        if step.is_mandatory or steps[step.name]
        else dict(before.get(step.name, EMPTY_STEP).answers)
        for step in about.form.steps
    }
    if known is not None and all(wanted[name] == before.get(name, EMPTY_STEP).answers for name in wanted):
        return "same"
    if known is None:
        draft = typed.begin(unit, about.row.round_id, account.school, account.actor)
    else:
        draft = known.typed
        typed.reopen(unit, draft, account.school, account.actor)
    for name, own in wanted.items():
        if own != before.get(name, EMPTY_STEP).answers:
            number = before.get(name, EMPTY_STEP).number
            if typed.save(unit, draft, account.school, name, number, own, account.actor) is not TypedAnswer.SAVED:
                raise OverstapError("SCHOOL-010")  # beside somebody else: nothing of the row stays
    made = _draft(unit, account, about.row.round_id, draft)
    answer = _handed_in(unit, account, made, made.draft.version)
    if answer is not TypedAnswer.HANDED_IN:
        raise OverstapError("SCHOOL-010")
    return "taken"


_NOBODY = UUID(int=0)
"""Id of a draft that is not begun yet."""


def _kept(form: Form, before: Answers) -> dict[str, str]:
    """Return the answers of a step for which the workbook has no column."""
    columns = {one.path for one in (*columns_of(form.version, form.profile, form.categories), *school_lines(form))}
    return {path: text for path, text in before.items() if path not in columns}


def _incoming(about: TypedRound, dossier: Dossier) -> IncomingDossier:
    pupil = dossier.pupil
    return IncomingDossier(
        dossier.pupil_number if about.form.profile not in UNNUMBERED else None,
        pupil.text("leerlingid") if pupil is not None else None,
        to_bytes(dossier),
        content_digest(dossier),
        dossier.version,
        "typed",
    )


def _handed_in(unit: UnitOfWork, account: SchoolAccount, found: OpenDraft, on_version: int) -> TypedAnswer:
    """Hand a draft in; as `TypedOperations.hand_in`."""
    if found.error_count:
        return TypedAnswer.CHANGED
    draft, dossier = found.draft.typed, found.dossier
    if found.draft.handed_in_at is not None:
        dossier = _as_before(found, read(typed.content_of(unit, draft)), account.school)
    incoming = _incoming(found.round, dossier)
    return typed.hand_in(
        unit,
        draft,
        account.school,
        on_version,
        content=incoming.content,
        pupil=pupil_hash(unit.keys, account.school, incoming),
        digest=incoming.content_digest,
        by=account.actor,
    )


def _draft(unit: UnitOfWork, account: SchoolAccount, round_id: str, draft: UUID) -> OpenDraft:
    known = typed.find(unit, round_id, account.school, draft)
    about = typed_round(unit, round_id, account.school)
    steps = typed.steps(unit, draft)
    if known.is_file:
        dossier = read(typed.content_of(unit, draft))
        findings = judged_now(about, dossier)
        name = _name(steps.get(_PUPIL_STEP, EMPTY_STEP).answers)
        return OpenDraft(round_id, about, known, name, reference(draft), steps, {}, dossier, findings)
    files = {str(number): TypedFile(*one) for number, one in typed.files(unit, draft).items()}
    answers = {path: text for step in steps.values() for path, text in step.answers.items()}
    today = dutch_time(now()).date()
    dossier, not_understood = made_dossier(about.form, answers, Maker(account.school, draft, today), files)
    findings = judged_now(about, dossier, not_understood)
    return OpenDraft(
        *(round_id, about, known, _name(answers), reference(draft), steps, files, dossier, findings),
        [
            one
            for one in support_decisions.of_pupil(unit, account.school, answers.get("leerling/leerlingid", ""))
            if one.number and one.number in answers.values()
        ],
    )


def judged_now(
    about: TypedRound, dossier: Dossier, not_understood: Sequence[AnswerFault] = ()
) -> Sequence[FormFinding]:
    """Return what the rules of intake say of a dossier today; see `overstap.typed.dossier.judged`."""
    today = dutch_time(now()).date()
    return judged(
        *(about.form, dossier, list(not_understood)),
        today=today,
        expected=about.expected,
        own_codes=about.own_codes,
    )


def _as_before(found: OpenDraft, before: Dossier, school: str) -> Dossier:
    """Return a corrected dossier with the day of the one before where nothing else changed.

    Else handing in again would ask the parents to inspect it again.
    """
    if before.created_on is None:
        return found.dossier
    answers = {path: text for step in found.steps.values() for path, text in step.answers.items()}
    maker = Maker(school, found.draft.typed, before.created_on)
    same, _ = made_dossier(found.round.form, answers, maker, found.files)
    return same if content_digest(same) == content_digest(before) else found.dossier


def _own_files(form: Form, fields: Iterable[tuple[str, str]], own: set[str]) -> list[tuple[str, str]]:
    """Return the fields without files of another draft: the name of a file is an id, which anybody can send."""
    kept = []
    for path, text in fields:
        field_of = form.fields.get(template_of(path))
        if field_of is None or field_of.kind is not FormFieldKind.FILE or text in own:
            kept.append((path, text))
    return kept


def _kept_open(path: str) -> list[tuple[str, str]]:
    """Return the counts with which the block of a refused file is shown again."""
    block = path.rpartition("/")[0]
    name, _, number = block.rpartition("[") if block.endswith("]") else (block, "", "1]")
    return [(f"{COUNT}{name}", number.rstrip("]"))]


def _acted(form: Form, step: FormStep, answers: dict[str, str], action: str) -> dict[str, str]:
    """Return the answers with one block more or less."""
    what, _, path = action.partition(":")
    template = template_of(path)
    block = form.blocks.get(template) or form.blocks.get(f"{template}[]")
    if block is None or form.step_of.get(block.path) != step.name:
        return answers
    if what == "weg":
        return without(answers, path)
    if what == "erbij" and block.repeats:
        return answers | {f"#{path}": str(max(count_of(answers, path), 1 if block.is_first else 0) + 1)}
    if what == "erbij" and not is_there(answers, path):
        return answers | {f"#{path}": "1"}
    return answers


def _earlier(unit: UnitOfWork, round_id: str, school: str) -> list[EarlierPupil]:
    refs: list[VersionRef] = typed.earlier(unit, round_id, school)
    facts = records.of(unit, refs, DossierFacts)
    rounds = typed.rounds_of(unit, [one.dossier for one in refs])
    found = [EarlierPupil(one.dossier, facts[one].name, rounds[one.dossier]) for one in refs if one in facts]
    return sorted(found, key=lambda one: one.name.casefold())


_SEX = {"girl": "1", "boy": "2"}
"""Sex as OSO has it (code list 14)."""


def _of_roster(unit: UnitOfWork, school_year: str, school: str, entry: UUID) -> FormPupil:
    """Return what the school's roster knows of a pupil.

    Raises:
        OverstapError: SCHOOL-004 when no such pupil is on it.
    """
    for one in open_entries(unit, school_year, school):
        if one.entry == entry:
            who = one.person
            return FormPupil(
                prefix=who.prefix,  # first names as they are on papers are typed: a roster has the name in daily use
                surname=who.surname,
                called=who.first_name,
                birth_date=who.birth_date,
                sex=_SEX.get(who.sex, ""),
                number=who.number,
                las_key=who.las_key,
                group=who.group,
            )
    raise OverstapError("SCHOOL-004")


def _unwritten(unit: UnitOfWork, about: TypedRound, school: str, begun: Iterable[TypedStep]) -> list[UnwrittenPupil]:
    """Return the pupils on the school's roster of whom the round has neither a dossier nor a draft."""
    if not about.row.kind.is_inspected:  # a roster names who leaves; not who gets support
        return []
    typed_numbers = {
        step.answers.get(name, "") for step in begun for name in ("leerling/bsn", "leerling/onderwijsnummer")
    }
    known = typed.pupils_with_dossier(unit, about.row.round_id, school)
    return [
        UnwrittenPupil(one.entry, one.person.name, one.person.group)
        for one in open_entries(unit, about.row.school_year, school)
        if not one.person.number
        or (one.person.number not in typed_numbers and unit.keys.lookup("pupil", one.person.number) not in known)
    ]


def _name(answers: Answers) -> str:
    first = answers.get("leerling/roepnaam") or answers.get("leerling/voornaam", "").partition(" ")[0]
    parts = (first, answers.get("leerling/voorvoegsel", ""), answers.get("leerling/achternaam", ""))
    return " ".join(part for part in parts if part)


def _refusal(code: str | None) -> OverstapError | None:
    """Return the refusal of a file as an error; its facts name only the file and the school, which the page knows."""
    if code is None:
        return None
    try:
        return OverstapError(code)
    except KeyError:  # a sentence with facts
        return OverstapError("SCHOOL-011")


def _person(actor: str) -> str:
    return actor.removeprefix("school:") if actor != PREFILLED else ""
