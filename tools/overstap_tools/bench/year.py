"""Benchmark of a country's school year: all rounds of all regions, in the order of their agreed moments, on one ledger.

Airflow is left out. The regions' agreements have real calendars (`year_regions`). Processes play the regions' rounds by
the steps of `rounds`, as a rehearsal does, at the moments of a clock that is moved; the schools' endpoints and
PostgreSQL are real, and the endpoints follow the clock. At the end every round must be closed, and each region's ledger
is checked (I1 to I13) against its endpoints' stores.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime

import psutil
import psycopg
from rich.console import Console
from rich.table import Table

from overstap.agreements import RoundKind
from overstap.clock import dutch_time
from overstap.ledger.simulated_clock import set_clock
from overstap.pki import DevelopmentAuthority
from overstap.progress import Advance, unwatched
from overstap.simulation.sandbox import Sandbox
from overstap_tools.bench import processors, year_figures
from overstap_tools.bench.chain import check_region, ledger_bytes
from overstap_tools.bench.sandbox import give_certificates
from overstap_tools.bench.year_endpoints import FileClock, endpoints
from overstap_tools.bench.year_figures import CORES, GROWTH_BUDGET, DayCost, Growth, SameAfternoon, WorkCost
from overstap_tools.bench.year_player import Played, PlayerProcess
from overstap_tools.bench.year_regions import KINDS, CountryRegion, agree, first_day, make_regions

_LISTS_DAYS = 700
"""Validity of the revocation lists: for the whole year, since nobody publishes new ones while the clock is moved."""
_BUSIEST = 5
_QUEUES: Mapping[str, str] = {
    "supplied": "supplied, for the check",
    "accepted": "accepted, for the release",
    "in_review": "released, for the parents",
    "inspected": "inspected, for the delivery",
    "sealed": "sealed, for the receipt",
}
"""What dossiers in a state wait for."""
_MEGA = 1e6


@dataclass(frozen=True, slots=True)
class DayQueue:
    """Dossiers that waited at the end of a day.

    Args:
        what: for what they waited.
        most: how many, on the day on which they were most.
        day: that day.
    """

    what: str
    most: int
    day: date


@dataclass(frozen=True, slots=True)
class PlayedMoment:
    """A moment at which something was due.

    Args:
        at: the moment.
        seconds: by the clock of the machine, until all of it was done.
        rounds: how many rounds had work.
        receipts: envelopes that were confirmed.
        postgres_seconds: processor seconds of PostgreSQL, all its processes.
        memory_bytes: of each process that plays, and then of each with endpoints, afterwards.
    """

    at: datetime
    seconds: float
    rounds: int
    receipts: int
    postgres_seconds: float
    memory_bytes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Year:
    """What a year took.

    Args:
        pupils: of all regions.
        regions: how many.
        processes: how many played.
        rounds: how many were opened.
        open_rounds: those that are not closed.
        faults: errors that ended a step, by code.
        taken_in: dossiers.
        confirmed: of them.
        given_up: of them, sealed and never confirmed.
        works: what each kind of work took.
        days: the busiest days.
        afternoon: all regions deliver on one afternoon.
        queues: where dossiers waited.
        longest: the moment that took longest.
        growth: cost of the last tenth and of the first one.
        cpu_seconds: processor seconds of all that counts, with PostgreSQL's own.
        memory_first: bytes of each process after the first tenth of the work.
        memory_last: the same at the end.
        memory_most: the largest of each.
        database_bytes: by which the database grew.
        moments: at how many different moments something was due.
        seconds: by the clock.
    """

    pupils: int
    regions: int
    processes: int
    rounds: int
    open_rounds: tuple[str, ...]
    faults: Mapping[str, int]
    taken_in: int
    confirmed: int
    given_up: int
    works: Sequence[WorkCost]
    days: Sequence[DayCost]
    afternoon: SameAfternoon | None
    queues: Sequence[DayQueue]
    longest: PlayedMoment
    growth: Sequence[Growth]
    cpu_seconds: float
    memory_first: tuple[int, ...]
    memory_last: tuple[int, ...]
    memory_most: tuple[int, ...]
    database_bytes: int
    moments: int
    seconds: float
    played: Sequence[Played] = field(repr=False)

    @property
    def ms_per_dossier(self) -> float:
        """Milliseconds of all processors per confirmed dossier."""
        return 1000 * self.cpu_seconds / max(1, self.confirmed)

    @property
    def growth_ratio(self) -> float | None:
        """How many times as much the last tenth cost per dossier as the first one."""
        return year_figures.ratio(self.growth)


def run(
    console: Console,
    sandbox: Sandbox,
    *,
    today: date,
    regions: int,
    pupils: int,
    processes: int,
    kinds: Sequence[RoundKind] = KINDS,
    until: date | None = None,
    advance: Advance = unwatched,
) -> Year:
    """Play the year, print what it took, and return it.

    Args:
        console: where to print.
        sandbox: the sandbox; its ledger knows `region_names(regions)`.
        today: a day of the school year.
        regions: how many; 75 are the country.
        pupils: of all of them together; 175,000 are the country.
        processes: how many play, each the rounds of its own regions.
        kinds: the rounds of each region; those of one kind alone are a country's delivery in a third of the time.
        until: stop before this day; None plays the whole year.
        advance: is told of dossiers, when they come in and when their round closes.

    Raises:
        RuntimeError: an invariant is broken, or a process failed.
    """
    made = make_regions(regions, pupils, today)
    begin = first_day(today)
    give_certificates(sandbox, made, at=begin)
    DevelopmentAuthority(sandbox.trust, at=begin).publish_revocations(days=_LISTS_DAYS)
    file = sandbox.folder / "moment"
    clock = FileClock(file)
    clock.move_to(begin)
    processes = min(processes, regions)
    shares = [made[number::processes] for number in range(processes)]
    with ExitStack() as stack:
        addresses: dict[str, dict[str, str]] = {}
        pids = []
        for number, share in enumerate(shares):
            schools = {region.name: [school.id for school in region.secondary] for region in share}
            served, pid = stack.enter_context(endpoints(sandbox, f"endpoints-{number}", schools, file))
            addresses |= served
            pids.append(pid)
        country = agree(made, kinds, addresses, sandbox.regions, sandbox.folder / "last")
        console.print(f"{regions} regions, rounds of each: {', '.join(kinds)}; their agreements hold")
        before = ledger_bytes(sandbox)
        players = []
        for number, pid in enumerate(pids):
            player = PlayerProcess(sandbox, country[number::processes], pid, begin)
            stack.callback(player.stop)
            players.append(player)
        clocked = time.monotonic()
        moments: list[PlayedMoment] = []
        played: list[Played] = []
        queues: list[tuple[date, Counter[str]]] = []
        for moment, work in _moments(sandbox, players, pids, clock, until):
            day = dutch_time(moment.at).date()
            if moments and dutch_time(moments[-1].at).date() != day:
                queues.append((dutch_time(moments[-1].at).date(), _states(sandbox)))
            moments.append(moment)
            played += work
            advance(year_figures.total(work, "collected new") + year_figures.total(work, "closed confirmed"))
            advance(year_figures.total(work, "closed left"))
        seconds = time.monotonic() - clocked
    found = _figures(sandbox, country, moments, played, queues, processes, ledger_bytes(sandbox) - before, seconds)
    _show(console, found)
    for one in country:
        check_region(console, sandbox, one.region, is_told=False)
    console.print(f"  I1-I13 hold in all {regions} regions, with the endpoints' stores and receipts", highlight=False)
    return found


def _moments(
    sandbox: Sandbox,
    players: Sequence[PlayerProcess],
    endpoints_of: Sequence[int],
    clock: FileClock,
    until: date | None,
) -> Iterator[tuple[PlayedMoment, list[Played]]]:
    """Move the clock from one moment to the next at which something is due, and let all processes do it.

    Args:
        sandbox: the sandbox.
        players: the processes.
        endpoints_of: the process with the endpoints of each.
        clock: of the endpoints.
        until: stop before this day.
    """
    reports = [player.report() for player in players]
    postgres = processors.server(sandbox.owner_dsn)
    serving = [psutil.Process(pid) for pid in endpoints_of]
    while (at := min((one.next_at for one in reports if one.next_at is not None), default=None)) is not None:
        if until is not None and dutch_time(at).date() >= until:
            return
        set_clock(sandbox.owner_dsn, at)
        clock.move_to(at)
        begin, spent = time.monotonic(), processors.seconds([postgres])
        waited_for = [number for number, one in enumerate(reports) if one.next_at is not None and one.next_at <= at]
        for number in waited_for:
            players[number].ask(at)
        for number in waited_for:
            reports[number] = players[number].report()
        work = [played for number in waited_for for played in reports[number].played]
        moment = PlayedMoment(
            at,
            time.monotonic() - begin,
            len(work),
            year_figures.total(work, "delivered confirmed"),
            processors.seconds([postgres]) - spent,
            tuple(one.memory_bytes for one in reports) + tuple(one.memory_info().rss for one in serving),
        )
        yield moment, work


def _states(sandbox: Sandbox) -> Counter[str]:
    """Return how many dossiers are in each state, in all regions."""
    with psycopg.connect(sandbox.owner_dsn) as connection:
        rows = connection.execute("select state::text, count(*) from overstap.dossier group by state").fetchall()
    return Counter({str(state): int(count) for state, count in rows})


def open_rounds(sandbox: Sandbox) -> tuple[str, ...]:
    """Return the rounds that were opened and are not closed."""
    with psycopg.connect(sandbox.owner_dsn) as connection:
        rows = connection.execute("select round_id from overstap.round where closed_at is null order by 1").fetchall()
    return tuple(str(name) for (name,) in rows)


def _figures(
    sandbox: Sandbox,
    country: Sequence[CountryRegion],
    moments: Sequence[PlayedMoment],
    played: Sequence[Played],
    queues: Sequence[tuple[date, Counter[str]]],
    processes: int,
    grown: int,
    seconds: float,
) -> Year:
    # PostgreSQL's own processes (log, checkpoints, cleaning) belong to nobody's work, and count all the same
    connections = sum(spent.postgres for one in played for spent in one.spent.values())
    own = max(0.0, sum(one.postgres_seconds for one in moments) - connections)
    waited = [
        DayQueue(what, found[state], day)
        for state, what in _QUEUES.items()
        for day, found in [max(queues, key=lambda each: each[1][state], default=(None, Counter[str]()))]
        if day is not None
    ]
    memory = [one.memory_bytes for one in moments]
    return Year(
        pupils=sum(one.region.size for one in country),
        regions=len(country),
        processes=processes,
        rounds=sum(one.counts.get("opened", 0) for one in played),
        open_rounds=open_rounds(sandbox),
        faults=Counter(code for one in played for code in one.faults),
        taken_in=year_figures.total(played, "collected new"),
        confirmed=year_figures.total(played, "closed confirmed"),
        given_up=year_figures.total(played, "closed given_up"),
        works=year_figures.work_costs(played),
        days=year_figures.days(played)[:_BUSIEST],
        afternoon=year_figures.same_afternoon(played),
        queues=waited,
        longest=max(moments, key=lambda each: each.seconds),
        growth=year_figures.growth(played),
        cpu_seconds=year_figures.cost(played) + own,
        memory_first=memory[_after_a_tenth(moments, played)],
        memory_last=memory[-1],
        memory_most=tuple(map(max, zip(*memory, strict=True))),
        database_bytes=grown,
        moments=len(moments),
        seconds=seconds,
        played=played,
    )


def _after_a_tenth(moments: Sequence[PlayedMoment], played: Sequence[Played]) -> int:
    """Return the number of the moment by which a tenth of the year's work was done: before it memory only fills."""
    costs: Counter[datetime] = Counter()
    for one in played:
        costs[one.at] += year_figures.cost([one])  # type: ignore[assignment]
    left = 0.1 * sum(costs.values())
    for number, moment in enumerate(moments):
        left -= costs[moment.at]
        if left <= 0:
            return number
    return len(moments) - 1


def _show(console: Console, found: Year) -> None:
    title = f"A year of {found.pupils:,} pupils in {found.regions} regions, {found.rounds} rounds"
    _print(
        console,
        title,
        ("work", "Overstap s", "PostgreSQL s", "endpoints s", "ms per confirmed dossier", "peak day", "s on it"),
        [
            (
                one.what,
                *(f"{each:,.1f}" for each in (one.overstap, one.postgres, one.endpoints)),
                *(f"{one.ms_per_dossier:.2f}", f"{one.peak_day}", f"{one.peak_seconds:,.1f}"),
            )
            for one in found.works
        ],
    )
    _print(
        console,
        "The busiest days",
        ("day", "processors s", "busiest hour", "s in it", "of two cores %", "came in", "families", "receipts"),
        [
            (
                *(f"{one.day}", f"{one.seconds:,.1f}", f"{one.hour:02}", f"{one.hour_seconds:,.1f}"),
                *(f"{100 * one.hour_share:.1f}", f"{one.collected:,}", f"{one.answered:,}", f"{one.receipts:,}"),
            )
            for one in found.days
        ],
    )
    _print(
        console,
        "Dossiers that waited at the end of a day",
        ("for what", "most", "on"),
        [(one.what, f"{one.most:,}", f"{one.day}") for one in found.queues],
    )
    _print(
        console,
        "Milliseconds of processors per confirmed dossier, by when its round delivered",
        ("round", "first tenth", "last tenth", "ratio", "rounds in each"),
        [
            (
                *(f"{one.kind.value}", f"{one.first_ms:.2f}", f"{one.last_ms:.2f}", f"{one.ratio:.3f}"),
                " and ".join(map(str, one.rounds)),
            )
            for one in found.growth
        ],
    )
    for sentence in sentences(found):
        console.print(f"  {sentence}", highlight=False)


def sentences(found: Year) -> Iterator[str]:
    """Yield what is said below the tables."""
    yield (
        f"{found.taken_in:,} dossiers taken in, {found.confirmed:,} confirmed, {found.given_up:,} given up; "
        f"{found.ms_per_dossier:.2f} ms of all processors per confirmed one, {found.cpu_seconds:,.0f} s in all"
    )
    if found.growth_ratio is not None:
        kept = "kept" if found.growth_ratio <= GROWTH_BUDGET else "missed"
        yield f"growth from the first tenth to the last: {found.growth_ratio:.3f} (budget {GROWTH_BUDGET}: {kept})"
    if found.afternoon is not None:
        each = found.afternoon
        yield (
            f"all regions on the same afternoon: {each.dossiers:,} dossiers of {each.kind.value} rounds take "
            f"{each.seconds:,.0f} s of processors, so {each.seconds / CORES / 60:,.1f} minutes of {CORES} cores"
        )
    moment = found.longest
    yield (
        f"longest moment: {dutch_time(moment.at):%Y-%m-%d %H:%M}, {moment.rounds} rounds, {moment.receipts:,} "
        f"receipts, all done {moment.seconds:,.1f} s later with {found.processes} processes"
    )
    for name, figures in (
        ("after a tenth", found.memory_first),
        ("at the end", found.memory_last),
        ("at most", found.memory_most),
    ):
        playing, serving = (
            ", ".join(f"{each / _MEGA:,.0f}" for each in part)
            for part in (figures[: found.processes], figures[found.processes :])
        )
        yield f"memory {name}: processes that play {playing} MB, with endpoints {serving} MB"
    yield (
        f"the database grew by {found.database_bytes / _MEGA:,.0f} MB, "
        f"{found.database_bytes / max(1, found.taken_in) / 1024:.1f} KiB per dossier taken in"
    )
    yield f"played in {found.seconds:,.0f} s: {found.moments} moments, with {found.processes} processes"
    if found.faults:
        yield "steps that failed: " + ", ".join(f"{code} {count}" for code, count in sorted(found.faults.items()))
    if found.open_rounds:
        yield f"rounds that stay open: {len(found.open_rounds)}, the first: {found.open_rounds[0]}"


def _print(console: Console, title: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(title=title, title_justify="left")
    for number, name in enumerate(names):
        table.add_column(name, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    console.print(table)
