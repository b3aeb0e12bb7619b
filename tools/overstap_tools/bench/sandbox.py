"""Where benchmarks run: a temporary folder with a PostgreSQL server, a ledger, keys and certificates of its own."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from overstap.clock import now
from overstap.ledger import Ledger
from overstap.ledger.migrate import add_region, migrate
from overstap.ledger.region_keys import create_keys
from overstap.pki import DevelopmentAuthority
from overstap.simulation.synthetic.region import SyntheticRegion, make_region
from overstap_tools.local.postgres import APPLICATION, LEDGER, OWNER, EmbeddedPostgres
from overstap_tools.local.services import stop_all

SEED = 2027
SECONDARY = 2
"""Receiving schools of a region: each is a process."""
PUPILS_PER_SCHOOL = 40


@dataclass(frozen=True, slots=True)
class BenchPlace:
    """What a process needs to take part; can cross to another process."""

    folder: Path
    dsn: str
    superuser_dsn: str

    @property
    def keys(self) -> Path:
        """Folder with the regions' keys."""
        return self.folder / "keys"

    @property
    def trust(self) -> Path:
        """Folder with certificates."""
        return self.folder / "trust"

    def ledger(self) -> Ledger:
        """Return a ledger for the calling process."""
        return Ledger(self.dsn, self.keys)


def region_of(name: str, pupils: int, today: date, *, serial: int = 0) -> SyntheticRegion:
    """Return a region whose schools are all on time and supply by drop folder, without planned faults.

    Args:
        name: region id.
        pupils: how many.
        today: the day of the exports.
        serial: regions of one benchmark have different pupils, under the same synthetic numbers.
    """
    return make_region(
        SEED + serial,
        pupils,
        max(1, pupils // PUPILS_PER_SCHOOL),
        SECONDARY,
        today=today,
        name=name,
        late=0,
        faulty=0,
        littered=0,
        database=0,
    )


@contextmanager
def bench_place(regions: Sequence[str], *, is_durable: bool) -> Iterator[BenchPlace]:
    """Make a place and remove all of it at the end, however that comes.

    Args:
        regions: ids of the regions that the ledger knows.
        is_durable: whether PostgreSQL waits for the disk at each commit.
    """
    folder = Path(tempfile.mkdtemp(prefix="overstap-bench-"))
    postgres = EmbeddedPostgres(folder / "postgres", is_durable=is_durable)
    try:
        postgres.start()
        postgres.provision()
        owner = postgres.dsn(OWNER, LEDGER)
        migrate(owner)
        for region in regions:
            add_region(owner, region)
            create_keys(folder / "keys", region, "1")
        yield BenchPlace(folder, postgres.dsn(APPLICATION, LEDGER), postgres.superuser_dsn(LEDGER))
    finally:
        stop_all(folder)
        postgres.destroy()
        shutil.rmtree(folder)


def give_certificates(place: BenchPlace, regions: Sequence[SyntheticRegion], *, at: datetime) -> None:
    """Make an authority and the certificates of every school and conductor.

    Args:
        place: where.
        regions: whose.
        at: the moment of making.
    """
    authority = DevelopmentAuthority(place.trust, at=at)
    for region in regions:
        authority.conductor(region.name)
        for school in (*(one.id for one in region.primary), *(one.id for one in region.secondary)):
            authority.school(school)


def environment(place: BenchPlace) -> dict[str, str]:
    """Return the environment of an `overstap` command beside the benchmark."""
    return {
        **os.environ,
        "OVERSTAP_LEDGER": place.dsn,
        "OVERSTAP_KEYS": str(place.keys),
        "OVERSTAP_TRUST": str(place.trust),
    }


def today() -> date:
    """Return the day on which the benchmark's regions export."""
    return now().date()
