"""Tests that every benchmark runs and prints its measurements; rates are not asserted, since machines differ."""

import io
import multiprocessing
from collections.abc import Callable, Iterator

import pytest
from rich.console import Console

from overstap.simulation.sandbox import Sandbox
from overstap_tools.bench import (
    audit_chain,
    chain,
    chain_floor,
    intake,
    ledger,
    quality,
    synth,
    together,
    transport,
)
from overstap_tools.bench.lines import RateLine
from overstap_tools.bench.sandbox import bench_sandbox, today

PUPILS = 12


@pytest.fixture(scope="module", autouse=True)
def forked() -> Iterator[None]:
    """Fork what is measured from a process that has loaded it; some thirty processes loaded a second and more each."""
    measured = (audit_chain, chain, intake, ledger, quality, transport)
    multiprocessing.set_forkserver_preload(["overstap.quality.suites", *(one.__name__ for one in measured)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(together, "START", "forkserver")
        yield


@pytest.fixture(scope="module")
def place() -> Iterator[Sandbox]:
    with bench_sandbox(
        [*intake.REGIONS, *ledger.REGIONS, *chain.REGIONS, *audit_chain.REGIONS], is_durable=False
    ) as made:
        yield made
    assert not made.folder.exists(), "a benchmark leaves nothing behind"


def told(run: Callable[[Console], list[RateLine]]) -> tuple[dict[str, RateLine], str]:
    out = io.StringIO()
    lines = run(Console(file=out, width=200))
    assert all(line.one > 0 for line in lines)
    assert all(line.two > 0 for line in lines if line.two is not None)
    return {line.what: line for line in lines}, out.getvalue()


def test_the_chain_ends_with_the_ledgers_own_check(place: Sandbox) -> None:
    lines, said = told(lambda console: chain.run(console, place, today=today(), pupils=PUPILS))
    ratio, without_sheet = "ratio to the floor of the libraries", "ratio to that floor without the official sheet"
    steps = ["intake", "quality", "review", "seal", "deliver", "all of it, confirmed"]
    assert list(lines) == [*steps, ratio, without_sheet]
    assert 0 < lines[ratio].one < 1, "no chain is cheaper than its libraries"
    assert lines[ratio].budget == chain.FLOOR_BUDGET
    assert lines[without_sheet].one == lines[ratio].one, "no sheet is at hand here"
    assert lines[without_sheet].budget is None
    assert said.count("I1-I13 hold") == len(chain.REGIONS)
    assert "missed" in said or "kept" in said


def test_the_floor_is_told_with_the_official_sheet_and_without_it() -> None:
    out = io.StringIO()
    parts = {"parsing": 1.0, chain_floor.SCHEMA: 2.0, chain_floor.SHEET: 5.0}
    measured = [(parts, 10), (parts, 10)]
    assert chain._show_floor(Console(file=out, width=200), measured, 1.6) == pytest.approx((0.5, 0.1875))
    assert "ratio 0.50 (budget 0.6: missed); 0.19 to a floor without the official sheet" in out.getvalue()
    assert "not both at hand" not in out.getvalue()


def test_the_ledger_goes_through_every_step_beside_a_bare_table(place: Sandbox) -> None:
    lines, said = told(lambda console: ledger.run(console, place, today=today(), dossiers=40, group=15, runs=1))
    assert set(ledger.STEPS) < set(lines)
    assert lines["update of a bare table"].is_peer
    assert "peer: update of a bare table" in said
    assert lines["all of it, per transition"].budget == ledger.BUDGET


def test_a_chain_is_verified_in_the_ledger_and_as_a_file(place: Sandbox) -> None:
    lines, said = told(lambda console: audit_chain.run(console, place, lines=300))
    assert list(lines) == ["append", "verify in the ledger", "verify a file", "SHA-256 alone"]
    assert lines["SHA-256 alone"].is_peer
    assert "a year of 1,000,000 lines takes" in said


def test_intake_and_synth_have_their_rates(place: Sandbox) -> None:
    lines, _ = told(lambda console: intake.run(console, place, today=today(), pupils=PUPILS, runs=1))
    assert [line.is_peer for line in lines.values()] == [False, True, False, True]
    lines, _ = told(lambda console: synth.run(console, today=today(), pupils=PUPILS, runs=1))
    assert len(lines) == 1


def test_delivery_stands_beside_an_endpoint_that_does_nothing(place: Sandbox) -> None:
    lines, _ = told(lambda console: transport.run(console, place, today=today(), pupils=PUPILS, runs=1))
    assert [line.is_peer for line in lines.values()] == [False, False, True]
    assert not list((place.folder / "run").glob("*.json")), "endpoints are ended"


def test_quality_has_its_steps() -> None:
    lines, said = told(lambda console: quality.run(console, today=today(), pupils=PUPILS))
    assert set(quality.STEPS.values()) < set(lines)
    assert "MB" in said
