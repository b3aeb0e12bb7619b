"""Operations of the schools' pages on how pupils fare who left a primary school."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from overstap.clock import dutch_time, now
from overstap.ledger import Ledger, downloads, schools
from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.delivery import on_page
from overstap.ledger.dossiers import records
from overstap.ledger.dossiers.current_versions import numbers_of
from overstap.ledger.rounds import pupil_progress
from overstap.ledger.rounds.pupil_progress import StatedProgress, ToldProgress
from overstap.oso.advice_order import name_of
from overstap.oso.facts import DossierFacts
from overstap.oso.progress_fields import left_in, permitted_years, profiles

COLUMNS = (
    *("code", "leerlingid", "naam", "vertrokken_in", "over_schooljaar", "vo_school", "brin", "nog_op_school"),
    *("leerjaar", "niveau", "niveau_code", "profiel", "profiel_code", "opgegeven_op"),
)
"""Columns of the primary school's list (docs/progress.md): their names and order stay."""


@dataclass(frozen=True, slots=True)
class ProgressLine:
    """A pupil on the page.

    Args:
        told: what is known.
        name: the pupil's name, for the primary school while it has the dossier here; else empty.
        las_key: key of the pupil in the primary school's system; else empty.
        other: name of the other school.
    """

    told: ToldProgress
    name: str = field(repr=False)
    las_key: str = field(repr=False)
    other: str


@dataclass(frozen=True, slots=True)
class ProgressPage:
    """What the page shows.

    Args:
        is_open: whether the session showed a second factor; without it nothing is listed.
        is_receiver: whether the school states, as a secondary school.
        about_year: the school year that can be stated now.
        left_years: school years in which pupils left of whom may be told.
        lines: what is known.
    """

    is_open: bool
    is_receiver: bool = False
    about_year: str = ""
    left_years: list[str] = field(default_factory=list)
    lines: list[ProgressLine] = field(default_factory=list)


class ProgressOperations:
    """Operations of the page.

    Args:
        borrow: lends a connection to the ledger.
    """

    def __init__(self, borrow: Callable[[], AbstractContextManager[Ledger]]) -> None:
        self._borrow = borrow

    def page(self, account: SchoolAccount, session: bytes) -> ProgressPage:
        """Return what is known of pupils of the school."""
        about = this_year()
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            if not on_page.is_open(unit, session):
                return ProgressPage(is_open=False)
            is_receiver = on_page.receives(unit, account.school)
            found = pupil_progress.known(unit, account.school)
            names = schools.known(unit)
            dossiers = [] if is_receiver else [one.dossier for one in found if one.dossier is not None]
            refs = numbers_of(unit, dossiers)
            facts = records.of(unit, list(refs.values()), DossierFacts, damaged=lambda _: None)
        lines = []
        for one in found:
            ref = refs.get(one.dossier) if one.dossier is not None else None
            known = facts.get(ref) if ref is not None else None
            other = one.primary_school if is_receiver else one.secondary_school
            lines.append(
                ProgressLine(
                    one,
                    known.name if known else "",
                    known.las_key if known else "",
                    names[other].name if other in names else other,
                )
            )
        years = [left_in(about, one.after) for one in permitted_years()]
        return ProgressPage(True, is_receiver, about, years, lines)

    def file_lines(self, account: SchoolAccount, session: bytes) -> list[ProgressLine] | None:
        """Return what is known, for a file, which is recorded; None without a second factor."""
        found = self.page(account, session)
        if not found.is_open:
            return None
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            signs = [one.told.sign for one in found.lines]
            downloads.note(unit, "progress", account.region, signs, to=account.school)
        return found.lines

    def state(
        self, account: SchoolAccount, session: bytes, left_year: str, found: Sequence[StatedProgress], source: str
    ) -> tuple[int, int] | None:
        """Keep records about the present school year; result as of `pupil_progress.state`.

        Raises:
            ValueError: of those who left in that year nothing may be told now.
        """
        about = this_year()
        if left_year not in [left_in(about, one.after) for one in permitted_years()]:
            raise ValueError(left_year)
        with self._borrow() as ledger, ledger.unit(account.region, account.actor) as unit:
            return pupil_progress.state(unit, session, left_year, about, found, source)


def rows(lines: Sequence[ProgressLine]) -> list[list[str]]:
    """Return the rows of the primary school's list, by `COLUMNS`."""
    return [
        [
            *(one.told.sign, one.las_key, one.name, one.told.left_year, one.told.about_year),
            *(one.other, one.told.secondary_school, "ja" if one.told.progress.is_there else "nee"),
            str(one.told.progress.study_year or ""),
            *(name_of(one.told.progress.level) if one.told.progress.level else "", one.told.progress.level),
            *(profiles().get(one.told.progress.profile, ""), one.told.progress.profile),
            one.told.said_at.isoformat(timespec="seconds"),
        ]
        for one in lines
    ]


def this_year() -> str:
    """Return the present school year, such as "2027-2028"."""
    today = dutch_time(now()).date()
    first = today.year if today.month >= 8 else today.year - 1
    return f"{first}-{first + 1}"
