"""Operations of the schools' pages on warm handover: for the school that sent a dossier, and the one that has it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from uuid import UUID

from overstap.agreements.appointments import appointment_file
from overstap.agreements.model import HolidayRegion
from overstap.agreements.national import NationalYear, national_year
from overstap.clock import NETHERLANDS, dutch_time, now
from overstap.ledger import Ledger, downloads, schools
from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.delivery import handovers, on_page
from overstap.ledger.delivery.handovers import HandoverPupil, HandoverState
from overstap.ledger.dossiers import records
from overstap.ledger.dossiers.reference import reference
from overstap.ledger.downloads import FileKind
from overstap.ledger.notifications import notices
from overstap.ledger.rounds import rounds
from overstap.ledger.session import UnitOfWork
from overstap.notifications import handover_notices
from overstap.oso.advice_order import level_of_code
from overstap.oso.facts import ContactFacts, DossierFacts
from overstap.pages.school.line_names import line_names

SUGGESTED = 3
"""Number of moments that are proposed at a time."""
_SUGGESTED_AT = time(15, 30)
_FIRST, _LAST = time(7), time(20)
NOTE_LENGTH = 2_000
MAX_CLASS = 400
"""Most pupils on a class list."""
CLASS_COLUMNS = (
    *("klas", "naam", "roepnaam", "geboortedatum", "basisschool", "brin", "groep_basisschool", "advies"),
    *("contact_gewenst", "contactpersoon", "contacttelefoon", "contactemail", "overdracht", "code"),
)
"""Columns of the class list (docs/handover.md): their names and order stay."""


@dataclass(frozen=True, slots=True)
class HandoverLine:
    """A dossier on the page.

    Args:
        pupil: the dossier, and what was said.
        sign: reference of the dossier.
        name: the pupil's name; empty for a receiving school that has not confirmed the dossier.
        other: name of the other school.
        contact: whom to talk with at the sending school; empty values where the dossier is not confirmed.
    """

    pupil: HandoverPupil
    sign: str
    name: str = field(repr=False)
    other: str
    contact: ContactFacts = field(repr=False)

    @property
    def state(self) -> str:
        """The state in one word; "none" where nothing was said."""
        return self.pupil.handover.state.value if self.pupil.handover else "none"


@dataclass(frozen=True, slots=True)
class HandoverPage:
    """What the page shows.

    Args:
        is_open: whether the session showed a second factor; without it nothing is listed.
        is_receiver: whether the school receives pupils.
        lines: the dossiers, those of which nobody said that they talked first.
        suggested: moments to propose, within school days, as a browser's field has them.
        can_list: whether there are confirmed dossiers for a class list.
    """

    is_open: bool
    is_receiver: bool = False
    lines: list[HandoverLine] = field(default_factory=list)
    suggested: list[str] = field(default_factory=list)
    can_list: bool = False

    @property
    def open(self) -> int:
        """Number of dossiers of which nobody said that they talked."""
        return sum(one.pupil.is_open for one in self.lines)


class HandoverOperations:
    """Operations of the page.

    Args:
        borrow: lends a connection to the ledger.
    """

    def __init__(self, borrow: Callable[[], AbstractContextManager[Ledger]]) -> None:
        self._borrow = borrow

    def page(self, account: SchoolAccount, session: bytes) -> HandoverPage:
        """Return the dossiers of the school that ask for contact, or of which something was said."""
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            if not on_page.is_open(unit, session):
                return HandoverPage(is_open=False)
            is_receiver = on_page.receives(unit, account.school)
            found = self._of_account(account, handovers.at_school(unit, account.school))
            lines = _lines(unit, account, found)
            can_list = is_receiver and any(
                one.is_confirmed for one in handovers.at_school(unit, account.school, only_asked=False)
            )
            suggested = _suggested(*_calendar(unit), dutch_time(now()))
        lines.sort(key=lambda one: (not one.pupil.is_open, one.name or "~", one.sign))
        return HandoverPage(True, is_receiver, lines, suggested, can_list)

    def propose(
        self, account: SchoolAccount, session: bytes, dossier: UUID, school: str, typed: Sequence[str]
    ) -> str | None:
        """Propose moments; return "kept", or why not: as `handovers.say`, or "moments" for those that cannot be."""
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            moments = _moments(*_calendar(unit), typed, dutch_time(now()))
            if moments is None:
                return "moments"
            said = handovers.say(unit, session, dossier, school, HandoverState.PROPOSED, moments=moments)
            one = _one(unit, account, dossier, school) if said == "kept" else None
            if one is not None and one.handover is not None:
                names = schools.known(unit)
                other = one.primary_school if account.school == school else school
                told = handover_notices.proposed(
                    *(one.round_id, one.handover.handover, reference(dossier), other),
                    *(names[account.school].name, len(moments)),
                )
                notices.note(unit, [told])
            return said

    def agree(self, account: SchoolAccount, session: bytes, dossier: UUID, school: str, chosen: str) -> str | None:
        """Agree one of the proposed moments; result as of `handovers.say`."""
        try:
            moment = datetime.fromisoformat(chosen)
        except ValueError:
            return "changed"
        # Python writes moments at the end of its calendar that PostgreSQL does not read
        if moment.tzinfo is None or not now() < moment < now() + timedelta(days=366):
            return "changed"
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            said = handovers.say(unit, session, dossier, school, HandoverState.AGREED, moments=[moment])
            one = _one(unit, account, dossier, school) if said == "kept" else None
            if one is not None and one.handover is not None:
                names = schools.known(unit)
                both = {key: names[key].name for key in (one.primary_school, school)}
                told = handover_notices.agreed(
                    *(one.round_id, one.handover.handover, _uid(dossier, school), reference(dossier)),
                    *(moment, one.handover.said_at, both),
                )
                notices.note(unit, told)
            return said

    def end(
        self, account: SchoolAccount, session: bytes, dossier: UUID, school: str, *, is_done: bool, note: str
    ) -> str | None:
        """Say that they talked, or that they do not; result as of `handovers.say`."""
        state = HandoverState.DONE if is_done else HandoverState.NOT_DONE
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            return handovers.say(unit, session, dossier, school, state, note=note)

    def calendar(self, account: SchoolAccount, session: bytes) -> bytes:
        """Return the agreed moments of the school as a calendar file; None of them without a second factor."""
        page = self.page(account, session)
        agreed = [
            (one, one.pupil.handover)
            for one in page.lines
            if one.pupil.handover is not None and one.pupil.handover.state is HandoverState.AGREED
        ]
        self._note(account, "appointments", [one.sign for one, _ in agreed])
        return appointment_file(
            handover_notices.appointment(
                _uid(one.pupil.ref.dossier, one.pupil.secondary_school),
                *(one.sign, one.other, said.moments[0], said.said_at),
            )
            for one, said in agreed
        )

    def class_pupils(self, account: SchoolAccount, session: bytes) -> list[HandoverLine]:
        """Return the pupils whose dossier the school confirmed, by name: from whom a class list is made."""
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            if not on_page.is_open(unit, session) or not on_page.receives(unit, account.school):
                return []
            every = self._of_account(account, handovers.at_school(unit, account.school, only_asked=False))
            lines = _lines(
                unit, account, [one for one in every if one.is_confirmed and one.secondary_school == account.school]
            )
        return sorted(lines, key=lambda one: (one.name, one.sign))

    def class_list(
        self, account: SchoolAccount, session: bytes, dossiers: Sequence[UUID], name: str, states: dict[str, str]
    ) -> list[list[str]]:
        """Return the rows of a class list, by `CLASS_COLUMNS`; nothing of it is kept.

        Args:
            account: the account of the session.
            session: identifier of the session.
            dossiers: of whom; others than the school confirmed are left out.
            name: name of the class.
            states: the states in Dutch.
        """
        wanted = set(dossiers)
        chosen = [one for one in self.class_pupils(account, session) if one.pupil.ref.dossier in wanted]
        self._note(account, "class_list", [one.sign for one in chosen])
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            facts = records.of(unit, [one.pupil.ref for one in chosen], DossierFacts, damaged=lambda _: None)
        rows = []
        for one in chosen:
            known = facts.get(one.pupil.ref)
            if known is None:
                continue
            level = level_of_code(known.advice.revised or known.advice.advice)
            contact = known.contact
            rows.append(
                [
                    *(name, known.name, known.first_name, known.birth_date or known.birth_month or "", one.other),
                    *(one.pupil.primary_school, known.group, level.dutch if level else ""),
                    *("ja" if contact.is_wanted else "nee", contact.person, contact.telephone, contact.email),
                    *(states[one.state], one.sign),
                ]
            )
        return rows

    def _note(self, account: SchoolAccount, file: FileKind, signs: Sequence[str]) -> None:
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            downloads.note(unit, file, account.region, signs, to=account.school)

    @staticmethod
    def _of_account(account: SchoolAccount, found: list[HandoverPupil]) -> list[HandoverPupil]:
        return [one for one in found if account.only_round in (None, one.round_id)]


def _one(unit: UnitOfWork, account: SchoolAccount, dossier: UUID, school: str) -> HandoverPupil | None:
    every = handovers.at_school(unit, account.school)
    return next((one for one in every if (one.ref.dossier, one.secondary_school) == (dossier, school)), None)


def _lines(unit: UnitOfWork, account: SchoolAccount, found: Sequence[HandoverPupil]) -> list[HandoverLine]:
    names = line_names(unit, account.school, found, lambda one: one.secondary_school)
    return [
        HandoverLine(one, said.sign, said.name, said.other, said.facts.contact if said.facts else ContactFacts())
        for one, said in zip(found, names, strict=True)
    ]


def _calendar(unit: UnitOfWork) -> tuple[NationalYear | None, HolidayRegion | None]:
    agreement = rounds.newest_agreement(unit)
    if agreement is None:
        return None, None
    return national_year(agreement.school_year), agreement.holiday_region


def _suggested(national: NationalYear | None, region: HolidayRegion | None, today: datetime) -> list[str]:
    """Return moments to propose: the next school days, not within two days."""
    if national is None:
        return []
    day = today.date() + timedelta(days=3)
    found: list[str] = []
    while len(found) < SUGGESTED and national.is_in_year(day):
        if national.is_school_day(day, region):
            found.append(datetime.combine(day, _SUGGESTED_AT).isoformat(timespec="minutes"))
        day += timedelta(days=1)
    return found


def _moments(
    national: NationalYear | None, region: HolidayRegion | None, typed: Sequence[str], today: datetime
) -> list[datetime] | None:
    """Return typed moments, aware; None when one cannot be: past, in a holiday, at night, or no moment at all."""
    found: dict[datetime, None] = {}
    for text in typed:
        if not text.strip():
            continue
        try:
            local = datetime.fromisoformat(text.strip())
        except ValueError:
            return None
        if local.tzinfo is not None or not _FIRST <= local.time() <= _LAST:
            return None
        moment = local.replace(tzinfo=NETHERLANDS)
        day: date = local.date()
        if moment <= today or moment > today + timedelta(days=360):
            return None
        if national is not None and national.is_in_year(day) and not national.is_school_day(day, region):
            return None
        found[moment] = None
    return list(found) or None


def _uid(dossier: UUID, school: str) -> str:
    return f"overdracht-{dossier}-{school}@overstap"
