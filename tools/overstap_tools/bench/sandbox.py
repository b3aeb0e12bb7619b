"""Sandbox of benchmarks on a temporary PostgreSQL server, and their synthetic regions."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime

from overstap.clock import now
from overstap.simulation.sandbox import Sandbox, temporary_sandbox
from overstap.simulation.synthetic.region import SyntheticRegion, punctual_region
from overstap_tools.local.temporary import temporary_server

SEED = 2027
SECONDARY = 2
"""Receiving schools of a region: each is a process."""
PUPILS_PER_SCHOOL = 40


def region_of(
    name: str, pupils: int, today: date, *, serial: int = 0, first_school: int = 0, first_position: int = 0
) -> SyntheticRegion:
    """Return a region whose schools are all on time and supply by drop folder, without planned faults.

    Args:
        name: region id.
        pupils: how many.
        today: the day of the exports.
        serial: regions of one benchmark have different pupils, under the same synthetic numbers.
        first_school: place of its first primary and secondary school, where no two regions may share one.
        first_position: position of its first identity number, where no two regions may share one.
    """
    return punctual_region(
        SEED + serial,
        pupils,
        max(1, pupils // PUPILS_PER_SCHOOL),
        SECONDARY,
        today=today,
        name=name,
        first_school=first_school,
        first_position=first_position,
    )


@contextmanager
def bench_sandbox(regions: Sequence[str], *, is_durable: bool) -> Iterator[Sandbox]:
    """Make a sandbox on a server of its own, and remove all of it at the end, however that comes.

    Args:
        regions: ids of the regions that the ledger knows.
        is_durable: whether PostgreSQL waits for the disk at each commit.
    """
    with (
        temporary_server(is_durable=is_durable, in_memory=False) as server,
        temporary_sandbox(server, *regions) as sandbox,
    ):
        yield sandbox


def give_certificates(sandbox: Sandbox, regions: Sequence[SyntheticRegion], *, at: datetime) -> None:
    """Make an authority and the certificates of every school and conductor.

    Args:
        sandbox: the sandbox.
        regions: whose.
        at: the moment of making.
    """
    for region in regions:
        schools = [*(one.id for one in region.primary), *(one.id for one in region.secondary)]
        sandbox.certify([region.name], schools, at=at)


def today() -> date:
    """Return the day on which the benchmark's regions export."""
    return now().date()
