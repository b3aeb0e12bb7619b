"""Landing page of the board: today's work, a timeline, and a card per round."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from overstap.agreements import RoundKind
from overstap.errors import OverstapError
from overstap.ledger import second_person
from overstap.ledger.contacts import ContactPerson
from overstap.ledger.region_keys import BoardKeys
from overstap.ledger.rounds import progress
from overstap.ledger.rounds.placements import placed_twice
from overstap.ledger.session import UnitOfWork
from overstap.pages.board import addresses
from overstap.pages.board.airflow_port import GateQuestion, PausedDag
from overstap.pages.board.charts import Timeline, timeline
from overstap.pages.board.render import render
from overstap.pages.board.rounds import RoundPhase, RoundView, opened_rounds, planned_rounds
from overstap.pages.board.schools import SupplierRow, held_up
from overstap.pages.board.summary import headline
from overstap.pages.board.today import TodayOfRegion, TodayOfRound, TodayTask, of_region, of_round
from overstap.pages.board.views import placements
from overstap.pages.board.views.contacts import persons_shown
from overstap.pages.board.views.page_context import PageContext, facts_of, rows_of_facts, with_funnel
from overstap.texts import Count, texts

FEW = 3
"""Largest number of regions with schools on this page; who sees more uses the administrator's page."""


@dataclass(frozen=True, slots=True)
class RoundCard:
    """Card of one round."""

    view: RoundView
    tone: str
    says: str
    worst: Sequence[SupplierRow] = ()


@dataclass(frozen=True, slots=True)
class RegionCard:
    """Section of one region."""

    id: str
    name: str
    says: str
    timeline: Timeline | None
    cards: Sequence[RoundCard]
    broken: Sequence[OverstapError]
    today: TodayOfRegion
    persons: Mapping[str, ContactPerson] = field(default_factory=dict, repr=False)


def page(
    context: PageContext,
    questions_of: Callable[[str], Sequence[GateQuestion]],
    paused: Sequence[PausedDag],
    keys_of: Callable[[str], BoardKeys | None],
) -> str:
    """Return the page as HTML.

    Args:
        context: context of the request.
        questions_of: returns the gates of a DAG that wait for an answer.
        paused: paused DAGs of all regions.
        keys_of: returns the board's keys of a region, for telephone numbers; None where there are none.
    """
    mine = sorted(context.person.regions)[:FEW]
    return render(
        "home",
        base=context.base,
        now=context.now,
        person=context.person,
        regions=[
            _region(context, region, questions_of, [dag for dag in paused if dag.region == region], keys_of)
            for region in mine
        ],
    )


def _region(
    context: PageContext,
    region: str,
    questions_of: Callable[[str], Sequence[GateQuestion]],
    paused: Sequence[PausedDag],
    keys_of: Callable[[str], BoardKeys | None],
) -> RegionCard:
    agreements, broken = context.agreement_cache.with_errors(region)
    cards: list[RoundCard] = []
    rounds: list[TodayOfRound] = []
    tasks: list[TodayTask] = []
    persons: Mapping[str, ContactPerson] = {}
    with context.region(region) as unit:
        opened = opened_rounds(unit) if unit else []
        if unit is not None:
            moved = progress.transitions_since(unit, context.midnight)
            for view in opened:
                card, today = _card(context, unit, view, moved.get(view.round_id, []), questions_of)
                cards.append(card)
                if view.closed_at is None or today.questions:
                    rounds.append(today)
            tasks = _tasks(context, unit, region, opened)
            persons = persons_shown(context, unit, region, keys_of)
    planned = planned_rounds(agreements, opened, context.now)
    cards += [_planned(context, view) for view in planned]
    cards.sort(key=lambda card: (card.view.phase(context.now) is RoundPhase.CLOSED, card.view.milestones.opens))
    name = agreements[-1].name if agreements else opened[0].region_name if opened else region
    running = sum(one.phase(context.now) not in (RoundPhase.CLOSED, RoundPhase.PLANNED) for one in opened)
    says = texts("board/words")["region"]["nl"].format(running=Count(running), planned=len(planned))
    views = sorted((card.view for card in cards), key=lambda view: view.milestones.opens)
    return RegionCard(
        region,
        name,
        says,
        timeline(views, context.now),
        cards,
        broken,
        of_region(rounds, views, context.now, paused, tasks),
        persons,
    )


def _tasks(context: PageContext, unit: UnitOfWork, region: str, opened: Sequence[RoundView]) -> list[TodayTask]:
    """Return what this account can decide beside the questions of tasks: placements, and acts of a second person."""
    if region not in context.person.reruns:
        return []
    found = []
    for view in opened:
        if view.kind is not RoundKind.PLACEMENT or view.closed_at is not None or not context.person.sees_dossiers:
            continue
        twice = placements.summary(placed_twice(unit, view.round_id))
        if twice is not None and twice.waiting:
            says = f"{view.kind.dutch} {view.school_year}: {twice.waiting}"
            found.append(TodayTask(says, addresses.placements(view.round_id)))
    acts = sum(one.asked_by != context.person.account for one in second_person.waiting(unit))
    if acts:
        says = texts("board/today")["second"]["nl"].format(count=Count(acts))
        found.append(TodayTask(says, addresses.supervision(region)))
    return found


def _card(
    context: PageContext,
    unit: UnitOfWork,
    view: RoundView,
    moved: list[tuple[str | None, str, int]],
    questions_of: Callable[[str], Sequence[GateQuestion]],
) -> tuple[RoundCard, TodayOfRound]:
    facts = facts_of(unit, view, context.now)
    rows = rows_of_facts(unit, view, facts, context.now)
    view = with_funnel(view, facts, moved)
    shown = headline(view, rows, context.now)
    questions = questions_of(view.dag_id)
    card = RoundCard(view, shown.tone, shown.says, shown.worst)
    return card, of_round(view, questions, facts.failures, held_up(rows))


def _planned(context: PageContext, view: RoundView) -> RoundCard:
    shown = headline(view, (), context.now)
    return RoundCard(view, shown.tone, f"{shown.says} {shown.explains}")
