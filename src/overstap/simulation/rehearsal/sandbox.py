"""Where a rehearsal happens: a PostgreSQL server, a ledger, keys and certificates, all gone at its end."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from overstap.ledger import Ledger
from overstap.ledger.migrate import add_region, migrate
from overstap.ledger.region_keys import create_keys
from overstap.ledger.simulated_clock import set_clock
from overstap.pki import DevelopmentAuthority, TrustStore
from overstap_tools.local.postgres import APPLICATION, LEDGER, OWNER, EmbeddedPostgres
from overstap_tools.local.services import stop_all


@dataclass
class RehearsalPlace:
    """A ledger whose clock moves, and what belongs to it.

    Args:
        folder: of this rehearsal alone.
        region: id of the only region.
        dsn: of the application's login.
        owner_dsn: of the ledger's owner, who moves the clock.
        at: what the clock says.
    """

    folder: Path
    region: str
    dsn: str = field(repr=False)
    owner_dsn: str = field(repr=False)
    at: datetime

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.dsn, self.folder / "keys")
        self.trust = TrustStore(self.folder / "trust", production=False)

    def move_to(self, at: datetime) -> None:
        """Move the clock, which never goes back, and publish the revocation lists of that day."""
        self.at = max(at, self.at)
        set_clock(self.owner_dsn, self.at)
        DevelopmentAuthority(self.folder / "trust", at=self.at).publish_revocations()

    def clock(self) -> datetime:
        """Return what the clock says, for stages that ask for the time."""
        return self.at


@contextmanager
def rehearsal_place(region: str, schools: Sequence[str], *, at: datetime) -> Iterator[RehearsalPlace]:
    """Make a place and remove all of it at the end, however that comes.

    Args:
        region: region id.
        schools: ids of all that take part.
        at: what the clock says at first.
    """
    folder = Path(tempfile.mkdtemp(prefix="overstap-rehearsal-"))
    postgres = EmbeddedPostgres(folder / "postgres", is_durable=False)
    try:
        postgres.start()
        postgres.provision()
        owner = postgres.dsn(OWNER, LEDGER)
        migrate(owner)
        add_region(owner, region)
        create_keys(folder / "keys", region, "1")
        authority = DevelopmentAuthority(folder / "trust", at=at)
        authority.conductor(region)
        for school in schools:
            authority.school(school)
        place = RehearsalPlace(folder, region, postgres.dsn(APPLICATION, LEDGER), owner, at)
        place.move_to(at)
        yield place
        place.ledger.close()
    finally:
        stop_all(folder)
        postgres.destroy()
        shutil.rmtree(folder)
