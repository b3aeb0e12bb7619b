"""Page with dossiers at schools to which their pupils do not go, by school."""

from dataclasses import dataclass

from overstap.ledger import schools
from overstap.ledger.delivery.sent_in_vain import SentInVain, sent_in_vain
from overstap.pages.board.formatting import number
from overstap.pages.board.render import render
from overstap.pages.board.views.page_context import PageContext, PageNotFoundError
from overstap.texts import plural, texts


@dataclass(frozen=True, slots=True)
class VainSchool:
    """A school that has dossiers of pupils who do not go there.

    Args:
        school: BRIN and branch.
        name: its name.
        says: name and number, Dutch.
        dossiers: the dossiers.
    """

    school: str
    name: str
    says: str
    dossiers: list[SentInVain]


def find(context: PageContext, round_id: str) -> list[SentInVain]:
    """Return the dossiers of the page.

    Raises:
        PageNotFoundError: the account may not see single dossiers or the round, or it has not opened.
    """
    with context.round(round_id) as (unit, view):
        if unit is None or not context.person.sees_dossiers or not view.kind.is_of_leavers:
            raise PageNotFoundError(round_id)
        return sent_in_vain(unit, round_id)


def page(
    context: PageContext,
    round_id: str,
    *,
    form_token: str,
    taken: int | None = None,
    problem: str = "",
    school: str = "",
) -> str:
    """Return the page as HTML.

    Args:
        context: context of the request.
        round_id: the round.
        form_token: see `csrf.form_token`.
        taken: how many envelopes were just taken back; None: no form was executed.
        problem: why the submitted form was not executed, Dutch.
        school: the school of the submitted form.

    Raises:
        PageNotFoundError: as for `find`.
    """
    found = find(context, round_id)
    words = texts("board/sent_in_vain")
    with context.round(round_id) as (unit, view):
        if unit is None:
            raise PageNotFoundError(round_id)
        names = {key: one.name for key, one in schools.known(unit).items()}
    grouped: dict[str, list[SentInVain]] = {}
    for one in found:
        grouped.setdefault(one.secondary_school, []).append(one)
    return render(
        "sent_in_vain",
        base=context.base,
        now=context.now,
        person=context.person,
        view=view,
        said=words,
        names=names,
        schools=[
            VainSchool(key, names.get(key, key), said_at(words, names.get(key, key), len(each)), each)
            for key, each in grouped.items()
        ],
        may_take_back=view.region in context.person.reruns,
        form_token=form_token,
        told="" if taken is None else _kept(taken),
        problem=problem,
        given=school,
    )


def said_at(words: dict[str, dict[str, dict[str, str]]], name: str, count: int) -> str:
    """Return the heading of a school.

    Args:
        words: the texts of the page.
        name: the school's name.
        count: number of dossiers there.
    """
    return words["at"]["nl"][plural(count)].format(school=name, count=number(count))


def _kept(count: int) -> str:
    forms = texts("board/sent_in_vain")["kept"]["nl"]
    return str(forms["zero"] if count == 0 else forms[plural(count)].format(count=number(count)))
