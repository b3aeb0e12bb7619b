"""Tests of the benchmark of a country's year, over a small one."""

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import psycopg
import pytest
from rich.console import Console

from overstap.agreements import load_agreement
from overstap.clock import dutch_time
from overstap.simulation.sandbox import Sandbox
from overstap.simulation.synthetic.region import school_year_of
from overstap_tools.bench import year
from overstap_tools.bench.sandbox import bench_sandbox, today
from overstap_tools.bench.year import Year
from overstap_tools.bench.year_regions import KINDS, make_regions, region_names

REGIONS, PUPILS = 2, 10


@dataclass(frozen=True)
class Told:
    """A played year, what was printed and told, and where it was played."""

    year: Year
    said: str
    advanced: int
    sandbox: Sandbox


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    out, advanced = io.StringIO(), list[int]()
    with bench_sandbox(region_names(REGIONS), is_durable=False) as sandbox:
        found = year.run(
            Console(file=out, width=200),
            sandbox,
            today=today(),
            regions=REGIONS,
            pupils=PUPILS,
            processes=1,
            advance=advanced.append,
        )
        yield Told(found, out.getvalue(), sum(advanced), sandbox)
    assert not sandbox.folder.exists(), "a benchmark leaves nothing behind"


def counted(found: Year, name: str) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    for one in found.played:
        counts[one.region, one.kind] += one.counts.get(name, 0)
    return counts


def test_every_round_of_the_agreements_ends_with_every_pupil(told: Told) -> None:
    found = told.year
    sizes = {one.name: one.size for one in make_regions(REGIONS, PUPILS, today())}
    expected = Counter({(region, kind): size for region, size in sizes.items() for kind in KINDS})
    assert sum(sizes.values()) == PUPILS
    assert counted(found, "collected new") == expected
    assert counted(found, "closed confirmed") + counted(found, "closed left") == expected
    assert counted(found, "closed") == Counter(dict.fromkeys(expected, 1))
    assert counted(found, "closed breaches").total() == found.given_up == 0
    assert found.taken_in == PUPILS * len(KINDS) == told.advanced / 2
    assert 0 < found.confirmed == counted(found, "delivered dossiers").total()
    assert counted(found, "delivered confirmed") == counted(found, "delivered envelopes")
    assert (found.rounds, found.open_rounds, dict(found.faults)) == (REGIONS * len(KINDS), (), {})


def test_work_is_done_at_the_agreed_moments(told: Told) -> None:
    for region in region_names(REGIONS):
        agreement = load_agreement(told.sandbox.regions / region / f"{school_year_of(today())}.yaml")
        for kind in KINDS:
            own = [one for one in told.year.played if (one.region, one.kind) == (region, kind)]
            moments = agreement.round(kind).milestones
            assert [one.at for one in own if "opened" in one.counts] == [moments.opens]
            assert [one.at for one in own if "closed" in one.counts] == [moments.receipts_due]
            assert moments.delivers <= min(one.at for one in own if "delivered" in one.counts)
            days = {dutch_time(one.at).date() for one in own if "answered" in one.counts}
            assert min(days) >= dutch_time(moments.review_opens).date()
    parts = {load_agreement(path).holiday_region for path in told.sandbox.regions.glob("*/*.yaml")}
    assert len(parts) == REGIONS, "each of them is in another part of the country"


def test_it_says_what_the_year_took(told: Told) -> None:
    found = told.year
    assert {"collect", "check", "release and invite", "answers", "seal", "deliver", "close"} <= {
        one.what for one in found.works
    }
    [deliver] = [one for one in found.works if one.what == "deliver"]
    assert min(deliver.overstap, deliver.ms_per_dossier, found.longest.seconds, found.database_bytes) > 0
    assert {one.kind for one in found.growth} == set(KINDS)
    waited = {one.what: one.most for one in found.queues}
    assert 0 < waited["inspected, for the delivery"] <= PUPILS
    assert len(found.memory_first) == len(found.memory_last) == 2 * found.processes
    assert min(found.memory_last) > 0
    for sentence in ("growth from the first tenth to the last", "memory at the end", "the same afternoon", "I1-I13"):
        assert sentence in told.said
    assert "stay open" not in told.said


def test_a_round_that_stays_open_is_told(told: Told) -> None:
    with psycopg.connect(told.sandbox.owner_dsn) as connection:
        connection.execute("set session_replication_role = replica")
        row = connection.execute(
            "update overstap.round set closed_at = null where round_id = (select max(round_id) from overstap.round) "
            "returning round_id"
        ).fetchone()
    assert row is not None
    left = year.open_rounds(told.sandbox)
    assert left == (row[0],)
    assert f"rounds that stay open: 1, the first: {row[0]}" in list(
        year.sentences(replace(told.year, open_rounds=left))
    )
