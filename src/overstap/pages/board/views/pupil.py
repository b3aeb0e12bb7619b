"""Page on which a coordinator looks a pupil up by number, and the page of a pupil: states, applications, notes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from overstap.ledger import board_notes, pupil_search, schools
from overstap.ledger.board_notes import BoardNote
from overstap.ledger.pupil_search import FoundPupil
from overstap.ledger.region_keys import BoardKeys
from overstap.ledger.session import UnitOfWork
from overstap.pages.board.render import render
from overstap.pages.board.views.page_context import PageContext, PageNotFoundError
from overstap.texts import texts


@dataclass(frozen=True, slots=True)
class NoteLine:
    """A note as a page shows it; `text` is None once it was erased."""

    note: UUID
    at: datetime
    says: str
    text: str | None = field(repr=False)


def words(part: str, key: str) -> str:
    """Return a sentence of a part of include/texts/board/pupil.yaml."""
    return str(texts("board/pupil")[part][key]["nl"])


def unable() -> str:
    """Return the sentence that this server can look up no number."""
    return str(texts("board/pupil")["unable"]["nl"])


def note_lines(context: PageContext, region: str, notes: Sequence[BoardNote]) -> list[NoteLine]:
    """Return notes as a page shows them, with the names of coordinators."""
    named = context.named(region)
    return [
        NoteLine(
            one.note,
            one.at,
            words("notes", "erased" if one.text is None else "by").format(by=named(one.by)),
            one.text,
        )
        for one in notes
    ]


@contextmanager
def coordinated(context: PageContext, region: str) -> Iterator[UnitOfWork]:
    """Open a read-only unit of work in a region, for its coordinator who may see single dossiers.

    Raises:
        PageNotFoundError: the account coordinates another region or none, or the ledger does not know the region yet.
    """
    if region not in context.person.reruns or not context.person.sees_dossiers:
        raise PageNotFoundError(region)
    with context.region(region) as unit:
        if unit is None:
            raise PageNotFoundError(region)
        yield unit


def _region_name(context: PageContext, region: str) -> str:
    found = [one.name for one in context.agreement_cache.of(region)]
    return found[-1] if found else region


def search_page(
    context: PageContext,
    region: str,
    *,
    can_hash: bool,
    form_token: str,
    problem: str = "",
    is_unknown: bool = False,
) -> str:
    """Return the page with the form, as HTML; the form is empty also after a fault, so that no number is in it.

    Args:
        context: context of the request.
        region: region id.
        can_hash: whether this server can look a number up.
        form_token: see `csrf.form_token`.
        problem: why no pupil is shown, Dutch.
        is_unknown: whether that is because there is none.

    Raises:
        PageNotFoundError: as for `coordinated`.
    """
    with coordinated(context, region) as unit:
        return render(
            "pupil_search",
            base=context.base,
            now=context.now,
            person=context.person,
            region=region,
            region_name=_region_name(context, region),
            said=texts("board/pupil"),
            most=pupil_search.most_an_hour(unit),
            can_hash=can_hash,
            form_token=form_token,
            problem=problem,
            is_unknown=is_unknown,
        )


def found(context: PageContext, region: str, subject: UUID) -> FoundPupil:
    """Return a pupil of a region by the id under which the board shows the pupil.

    Raises:
        PageNotFoundError: as for `coordinated`, or the region has no such id.
    """
    with coordinated(context, region) as unit:
        pupil = pupil_search.of_subject(unit, subject)
    if pupil is None:
        raise PageNotFoundError(str(subject))
    return pupil


def page(
    context: PageContext,
    keys: BoardKeys | None,
    region: str,
    subject: UUID,
    *,
    form_token: str,
    told: str = "",
    problem: str = "",
    text: str = "",
) -> str:
    """Return the page of a pupil as HTML.

    Args:
        context: context of the request.
        keys: keys that decrypt notes; None: this server has none.
        region: region id.
        subject: id under which the board shows the pupil.
        form_token: see `csrf.form_token`.
        told: what was just done, a key of `told` in include/texts/board/pupil.yaml; another is ignored.
        problem: why a note was not kept, Dutch.
        text: what somebody wrote, to be shown again.

    Raises:
        PageNotFoundError: as for `found`.
    """
    pupil = found(context, region, subject)
    said = texts("board/pupil")
    with coordinated(context, region) as unit:
        notes = board_notes.about_pupil(unit, keys, pupil.pupil) if keys else []
        return render(
            "pupil",
            base=context.base,
            now=context.now,
            person=context.person,
            region=region,
            region_name=_region_name(context, region),
            said=said,
            application_words=texts("school/applications"),
            pupil=pupil,
            names={school: one.name for school, one in schools.known(unit).items()},
            has_keys=keys is not None,
            notes=note_lines(context, region, notes),
            note_id=uuid4(),
            form_token=form_token,
            told=said["told"][told]["nl"] if told in said["told"] else "",
            problem=problem,
            text=text,
        )
