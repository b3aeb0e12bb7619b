"""Benchmark of intake: reading and cutting dossiers, and the whole path from drop folder to ledger."""

from datetime import date

import psycopg
from lxml import etree
from rich.console import Console

from overstap.agreements import RoundKind
from overstap.clock import now
from overstap.intake.collect import GROUP, collect_school, prepare
from overstap.intake.sources.drop_folder import from_drop_folder
from overstap.ledger.rounds.rounds import open_round
from overstap.oso.writing import to_bytes
from overstap.oso.xml_parser import parse
from overstap.simulation.sandbox import Sandbox
from overstap.simulation.synthetic.agreement import agreement_of
from overstap.simulation.synthetic.region import SyntheticRegion
from overstap.simulation.synthetic.writing import dossiers, write_school
from overstap_tools.bench.lines import RateLine, line, show
from overstap_tools.bench.sandbox import region_of
from overstap_tools.bench.together import ProcessShare, Stopwatch

ROUND = RoundKind.ADVICE
REGIONS = ("intake_one", "intake_two")
_BARE = "create table bare (id bigint generated always as identity primary key, content bytea not null)"


def preparing(stopwatch: Stopwatch, serial: int, pupils: int, today: date) -> ProcessShare:
    """Read dossiers, cut them to what may go along, write them again, and take their digest."""
    region = region_of("intake", pupils, today, serial=serial)
    agreement = agreement_of(region)
    agreed = agreement.round(ROUND)
    files = _files(region)
    stopwatch.ready()
    for school, data in files:
        prepare(data, agreed, agreement.school(school), "drop_folder")
    return stopwatch.stop(len(files))


def rewriting(stopwatch: Stopwatch, serial: int, pupils: int, today: date) -> ProcessShare:
    """Read dossiers with lxml, write them, and canonicalise them: the least that any program does for it."""
    files = _files(region_of("intake", pupils, today, serial=serial))
    stopwatch.ready()
    for _, data in files:
        root = parse(data)
        etree.tostring(root, encoding="utf-8")
        etree.tostring(root, method="c14n", exclusive=True)
    return stopwatch.stop(len(files))


def collecting(stopwatch: Stopwatch, sandbox: Sandbox, region: SyntheticRegion, year: int) -> ProcessShare:
    """Take the files of a region's drop folders into the ledger, a round of its own for each run."""
    agreement = agreement_of(region).model_copy(update={"school_year": f"{2100 + year}-{2101 + year}"})
    ledger = sandbox.ledger()
    with ledger.unit(region.name, "bench") as unit:
        open_round(unit, agreement, ROUND)
    stopwatch.ready()
    taken = 0
    for school in agreement.primary_schools:
        folder = sandbox.drop / region.name / school.id
        taken += collect_school(
            ledger,
            agreement=agreement,
            agreed=agreement.round(ROUND),
            round_id=agreement.round_id(ROUND),
            school=school,
            source="drop_folder",
            candidates=from_drop_folder(folder, now=now(), label_key=ledger.keys(region.name).lookup("label", "")),
            actor="bench",
        ).stored.new
    part = stopwatch.stop(taken)
    ledger.close()
    return part


def inserting(stopwatch: Stopwatch, sandbox: Sandbox, region: SyntheticRegion) -> ProcessShare:
    """Insert the same files into a bare table, in groups of the same size: what PostgreSQL itself takes."""
    folders = sandbox.drop / region.name
    with psycopg.connect(sandbox.owner_dsn, autocommit=True) as connection:
        stopwatch.ready()
        group: list[bytes] = []
        counted = 0
        for path in sorted(folders.glob("*/*.xml")):
            group.append(path.read_bytes())
            counted += 1
            if len(group) == GROUP:
                connection.execute("insert into bare (content) select * from unnest(%b::bytea[])", [group])
                group = []
        connection.execute("insert into bare (content) select * from unnest(%b::bytea[])", [group])
        return stopwatch.stop(counted)


def run(console: Console, sandbox: Sandbox, *, today: date, pupils: int, runs: int) -> list[RateLine]:
    """Print the rates, and return them.

    Args:
        console: where to print.
        sandbox: the sandbox; its ledger knows the regions `REGIONS`.
        today: the day of the exports.
        pupils: how many dossiers each process takes in.
        runs: how many times; the median counts.
    """
    regions = [region_of(name, pupils, today, serial=serial) for serial, name in enumerate(REGIONS)]
    for region in regions:
        for school in region.primary:
            write_school(region, school, sandbox.region_folder)
    with psycopg.connect(sandbox.owner_dsn) as connection:
        connection.execute(_BARE)
    years = iter(range(1_000))
    lines = [
        line("read, cut, write, digest", preparing, lambda serial: (serial, pupils, today), runs=runs),
        line(
            *("lxml: read, write, canonicalise", rewriting, lambda serial: (serial, pupils, today)),
            runs=runs,
            is_peer=True,
        ),
        line(
            *("drop folder to ledger", collecting, lambda serial: (sandbox, regions[serial], next(years))),
            runs=runs,
            is_alone=False,
        ),
        line(
            *("files into a bare table", inserting, lambda serial: (sandbox, regions[serial])),
            runs=runs,
            is_alone=False,
            is_peer=True,
        ),
    ]
    show(console, "Intake, dossiers", lines)
    return lines


def _files(region: SyntheticRegion) -> list[tuple[str, bytes]]:
    return [(pupil.school.id, to_bytes(dossier)) for pupil, dossier in dossiers(region)]
