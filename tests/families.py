"""Families with dossiers in review and access codes, in a ledger of a test."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg

from overstap.agreements import Agreement, RoundKind
from overstap.clock import dutch_time, now
from overstap.intake.sources.drop_folder import DropFolder
from overstap.ledger import Ledger
from overstap.ledger.dossiers import dossiers
from overstap.ledger.migrate import add_region, migrate, set_app_password, set_review_password
from overstap.ledger.region_keys import create_keys
from overstap.ledger.rounds import rounds
from overstap.ledger.session import UnitOfWork
from overstap.oso import build, content_digest, minimise, read, to_bytes
from overstap.oso.facts import facts_of
from overstap.oso.model import Dossier
from overstap.review.codes import issue
from overstap.simulation.synthetic.agreement import agreement_of
from overstap.simulation.synthetic.region import SyntheticRegion
from overstap.simulation.synthetic.writing import dossiers as synthetic
from overstap_tools.bench.sandbox import region_of
from overstap_tools.local.postgres import EmbeddedPostgres

REGION = "alfa"
CATEGORIES = frozenset({"toetsresultaten", "onderwijsondersteuning", "handelingsplannen", "verzuim", "bijlagedocs"})
Change = Callable[[dict[str, Any]], None]


@dataclass
class Family:
    """One pupil's dossier, and who may see it."""

    pupil_number: str
    las_key: str
    born: date
    dossier: UUID
    persons: list[str]
    """Handles, in the order of the dossier."""
    codes: dict[str, str] = field(default_factory=dict)
    """Per handle the code in the letter."""
    surname: str = ""

    @property
    def code(self) -> str:
        """The first person's code."""
        return self.codes[self.persons[0]]


@dataclass
class ReviewRound:
    """A region whose round is open."""

    ledger: Ledger
    region: SyntheticRegion
    agreement: Agreement
    made: dict[str, Dossier] = field(default_factory=dict)
    """Per pupil number the dossier as it was supplied last."""
    untaken: list[Family] | None = None
    """For `take`."""
    kind: RoundKind = RoundKind.ADVICE
    profile: str = "POVO"

    @property
    def round_id(self) -> str:
        return self.agreement.round_id(self.kind)

    @property
    def school(self) -> str:
        schools = self.region.secondary if self.kind is RoundKind.FEEDBACK else self.region.primary
        return schools[0].id

    def unit(self, actor: str = "test") -> Any:
        return self.ledger.unit(REGION, actor)

    def supply(self, *changed: Dossier, accept: bool = True) -> None:
        """Take dossiers in, as the school supplies them, and accept them."""
        with self.unit() as unit:
            group = []
            for dossier in changed:
                kept = minimise(dossier, self.profile, CATEGORIES if self.profile == "POVO" else frozenset())
                self.made[str(dossier.pupil_number)] = dossier
                pupil = kept.pupil
                assert pupil is not None
                group.append(
                    dossiers.IncomingDossier(
                        *(str(kept.pupil_number), pupil.text("leerlingid"), to_bytes(kept), content_digest(kept)),
                        *("2019.1", "drop_folder"),
                    )
                )
            dossiers.store(unit, self.round_id, self.school, group)
            if accept:
                waiting = [content.ref for content in dossiers.contents(unit, self.round_id, ["supplied"])]
                dossiers.verdicts(unit, {ref: [] for ref in waiting})

    def release(
        self, key: str | None = None, *, closes_in: timedelta = timedelta(hours=2), by: str = "coordinator"
    ) -> int | None:
        with self.unit(by) as unit:
            return dossiers.decide_release(
                *(unit, self.round_id),
                approved=True,
                decided_by=by,
                reason="",
                answer_key=key or str(uuid4()),
                closes_at=datetime.now(UTC) + closes_in,
            )

    def changed(self, family: Family, change: Change) -> Dossier:
        """Return a family's dossier with something changed in its values."""
        values = read(to_bytes(self.made[family.pupil_number])).tree
        change(values["huidigeschool"][0]["leerling"][0])
        return build(values)

    def families(self) -> list[Family]:
        """Return every dossier in review as a family, codes not yet given."""
        found = []
        with self.unit() as unit:
            for content in dossiers.contents(unit, self.round_id, ["in_review", "inspected"]):
                dossier = read(content.content)
                pupil, born = dossier.pupil, dossier.birth_date
                assert pupil is not None
                assert born is not None
                persons = [person.key for person in facts_of(dossier).entitled(dutch_time(now()).date(), handle(unit))]
                family = Family(
                    *(str(dossier.pupil_number), str(pupil.text("leerlingid")), born, content.ref.dossier, persons)
                )
                family.surname = str(dossier.surname)
                found.append(family)
        return found

    def take(self, carers: int = 1, fits: Callable[[Dossier], bool] = lambda _: True) -> Family:
        """Return a family that no test had, with codes for at least so many carers: one place serves many tests."""
        if self.untaken is None:
            self.untaken = self.families()
        found = next(one for one in self.untaken if len(one.persons) >= carers and fits(self.made[one.pupil_number]))
        self.untaken.remove(found)
        self.give_codes([found])
        return found

    def give_codes(self, families: list[Family], opens_at: datetime | None = None) -> None:
        """Give every person of these families a code."""
        wanted = [(family.dossier, person) for family in families for person in family.persons]
        with self.unit("letters") as unit:
            codes = issue(unit, self.round_id, wanted, opens_at)
        for (dossier, person), code in zip(wanted, codes, strict=True):
            family = next(each for each in families if each.dossier == dossier)
            assert code is not None
            family.codes[person] = code


def handle(unit: UnitOfWork) -> Callable[[str], str]:
    return lambda text: unit.keys.lookup("person", text).hex()[:32]


def open_review_round(
    ledger: Ledger, pupils: int = 40, *, immaterial: frozenset[str] = frozenset(), **agreed_otherwise: Any
) -> ReviewRound:
    """Open a round with synthetic pupils, every dossier released.

    Args:
        ledger: where.
        pupils: how many.
        immaterial: what the agreement calls immaterial.
        agreed_otherwise: what the round's agreement says else, by key.
    """
    region = region_of(REGION, pupils, dutch_time(now()).date())
    agreement = agreement_of(region)
    agreed = agreement.round(RoundKind.ADVICE)
    inspection = agreed.inspection.model_copy(update={"immaterial": immaterial})
    agreement = agreement.model_copy(
        update={"rounds": {RoundKind.ADVICE: agreed.model_copy(update={"inspection": inspection, **agreed_otherwise})}}
    )
    review_round = ReviewRound(ledger, region, agreement)
    with review_round.unit() as unit:
        rounds.open_round(unit, agreement, RoundKind.ADVICE)
    review_round.supply(*(dossier for _, dossier in synthetic(region)))
    review_round.release()
    return review_round


def open_between_secondary_schools(
    review_round: ReviewRound, change: Change, pupils: int = 3, **agreed_otherwise: Any
) -> ReviewRound:
    """Open a round of the profile VOVO in the same region, with some of its pupils, every dossier released.

    Args:
        review_round: gives region, pupils and ledger.
        change: makes of each pupil's values what a secondary school would say.
        pupils: how many.
        agreed_otherwise: what the round's agreement says else, by key.
    """
    kind = RoundKind.FEEDBACK
    agreed = review_round.agreement.round(RoundKind.ADVICE).model_copy(
        update={"profile": "VOVO", "categories": frozenset(), **agreed_otherwise}
    )
    push = next(one.receives for one in review_round.agreement.schools if one.receives is not None)
    both = [
        one.model_copy(update={"supplies": one.supplies or DropFolder(), "receives": one.receives or push})
        for one in review_round.agreement.schools
    ]
    agreement = review_round.agreement.model_copy(update={"rounds": {kind: agreed}, "schools": tuple(both)})
    made = ReviewRound(review_round.ledger, review_round.region, agreement, kind=kind, profile="VOVO")
    with made.unit() as unit:
        rounds.open_round(unit, agreement, kind)
    supplied = []
    for dossier in list(review_round.made.values())[:pupils]:
        values = read(to_bytes(dossier)).tree
        values["metadata"][0]["overstap"] = ["VOVO"]
        change(values["huidigeschool"][0]["leerling"][0])
        supplied.append(build(values))
    made.supply(*supplied)
    made.release()
    return made


@dataclass
class Home:
    """A ledger of its own with the pages' login, for tests that keep it for long."""

    ledger: Ledger
    database: str
    owner_dsn: str
    review_dsn: str
    keys: Path


@contextmanager
def home(server: EmbeddedPostgres, folder: Path, template: str | None = None) -> Iterator[Home]:
    """Make a ledger with the region `alfa` and its keys; all of it goes at the end.

    Args:
        server: where.
        folder: for the keys.
        template: a migrated database with that region (fixture `ledger_template`); without it one is made from nothing.
    """
    name = f"families_{secrets.token_hex(5)}"
    owner = server.superuser_dsn(name)
    if template is None:
        server.create_database(name, "postgres")
        migrate(owner)
        add_region(owner, REGION)
        set_app_password(owner, server.password("overstap_app"))
        set_review_password(owner, server.password("overstap_review"))
    else:
        with psycopg.connect(server.superuser_dsn(), autocommit=True) as connection:
            connection.execute(f"create database {name} template {template}")
        server.grant_connect(name, "overstap_review")
    create_keys(folder / "keys", REGION, "1")
    ledger = Ledger(server.dsn("overstap_app", name), folder / "keys")
    try:
        yield Home(ledger, name, owner, server.dsn("overstap_review", name), folder / "keys")
    finally:
        ledger.close()
        server.drop_database(name)
