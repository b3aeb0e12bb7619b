"""Agreement of a synthetic region, in the same model and file format as a real one."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import yaml

from overstap.agreements.model import (
    Agreement,
    Coordinator,
    Milestones,
    Notices,
    RegistrationStage,
    Round,
    RoundKind,
    School,
    SchoolKind,
)
from overstap.agreements.model.supplying import SupplyingPart
from overstap.clock import NETHERLANDS
from overstap.delivery.channels.push import Push
from overstap.intake.sources.drop_folder import DropFolder
from overstap.intake.sources.las_database import LasDatabase
from overstap.intake.sources.mapped_export import MappedExport
from overstap.intake.sources.typed import TypedIn
from overstap.simulation.synthetic import export
from overstap.simulation.synthetic.region import SyntheticRegion
from overstap.simulation.synthetic.school import SupplySource

PARTNERSHIP = "PO9999"
"""The partnership of a synthetic region, where it has a round for one; no such number was given out."""

_RECEIVERS = {
    RoundKind.PRE_REGISTRATION: RegistrationStage.APPLIED,
    RoundKind.ADVICE: RegistrationStage.REGISTERED,
    RoundKind.PLACEMENT: RegistrationStage.PLACED,
    RoundKind.SUPPORT: RegistrationStage.PLACED,
}
_CATEGORIES = {
    RoundKind.PRE_REGISTRATION: frozenset({"toetsresultaten"}),
    RoundKind.ADVICE: frozenset({"toetsresultaten", "onderwijsondersteuning", "handelingsplannen", "verzuim"}),
    RoundKind.PLACEMENT: frozenset(
        {"toetsresultaten", "onderwijsondersteuning", "handelingsplannen", "verzuim", "eindtoetsbo", "bijlagedocs"}
    ),
    RoundKind.SUPPORT: frozenset({"toetsresultaten", "handelingsplannen", "verzuim"}),
}


_ABOUT_REVIEW = ("review_minimum", "review_school_days", "not_inspected", "consent", "invitations", "inspection")
"""What a round without inspection does not state."""


def usual_milestones(school_year: str) -> dict[RoundKind, Milestones]:
    """Return dates as regions agree them (domain facts, section 4.2).

    Advice is delivered on 25 March, when the national week of registration begins.
    """
    year = int(school_year[5:])

    def made(*moments: tuple[int, int, int]) -> Milestones:
        at = [datetime(year, month, day, hour, tzinfo=NETHERLANDS) for month, day, hour in moments]
        return Milestones(**dict(zip(Milestones.model_fields, at, strict=True)))

    return {
        RoundKind.PRE_REGISTRATION: made((1, 11, 8), (1, 22, 17), (1, 25, 8), (2, 1, 17), (2, 2, 8), (2, 9, 17)),
        RoundKind.ADVICE: made((2, 22, 8), (3, 12, 17), (3, 15, 8), (3, 23, 16), (3, 25, 8), (4, 2, 17)),
        RoundKind.PLACEMENT: made((4, 12, 8), (5, 21, 17), (5, 25, 8), (6, 4, 17), (6, 14, 8), (6, 25, 17)),
    }


def compressed_milestones(opens: datetime, step: timedelta) -> Milestones:
    """Return a round whose milestones lie one step apart, for a demonstration or a test."""
    return Milestones(**{name: opens + serial * step for serial, name in enumerate(Milestones.model_fields)})


def past_milestones(at: datetime) -> Milestones:
    """Return a round whose milestones have all passed, for what is measured or tested in one go."""
    return compressed_milestones(at - timedelta(days=len(Milestones.model_fields)), timedelta(days=1))


def agreement_of(
    region: SyntheticRegion,
    milestones: Mapping[RoundKind, Milestones] | None = None,
    *,
    receives_at: Callable[[str], str] = lambda school_id: f"https://{school_id.lower()}.example.org/overstap",
    las_connection: str | None = None,
    review_minimum: timedelta = timedelta(days=5),
    notices: Notices | None = None,
) -> Agreement:
    """Make the agreement of a synthetic region.

    Args:
        region: the region.
        milestones: of each round that is agreed; `usual_milestones` when left out.
        receives_at: gives the https address of a secondary school's endpoint, by school id.
        las_connection: name of the Airflow connection of the LAS database; `las_<region>` when left out.
        review_minimum: the time that parents get at least.
        notices: when mail goes; the usual hours when left out.
    """
    connection = las_connection or f"las_{region.name}"
    schools = [
        School(
            id=school.id,
            name=school.name,
            kind=SchoolKind.PO,
            contact=f"administratie.{school.id.lower()}@example.org",
            supplies=_supplies(school.source, connection),
        )
        for school in region.primary
    ]
    schools += [
        School(
            id=school.id,
            name=school.name,
            kind=SchoolKind.VO,
            contact=f"instroom.{school.id.lower()}@example.org",
            receives=Push(way="push", url=receives_at(school.id)),
        )
        for school in region.secondary
    ]
    agreed = usual_milestones(region.school_year) if milestones is None else milestones
    if RoundKind.SUPPORT in agreed:
        schools.append(
            School(
                id=PARTNERSHIP,
                name=f"Samenwerkingsverband {region.title}",
                kind=SchoolKind.SWV,
                contact=f"loket.{region.name}@example.org",
                receives=Push(way="push", url=receives_at(PARTNERSHIP)),
            )
        )
    return Agreement(
        region=region.name,
        name=region.title,
        notices=notices or Notices(),
        school_year=region.school_year,
        coordinators=(
            Coordinator(
                account=f"coordinator_{region.name}",
                name=f"Coördinator {region.title}",
                email=f"coordinator.{region.name}@example.org",
            ),
        ),
        schools=tuple(schools),
        rounds={
            kind: Round(
                profile=kind.profiles[0],
                receivers=_RECEIVERS[kind],
                categories=_CATEGORIES[kind],
                provisional=kind is RoundKind.PRE_REGISTRATION,
                milestones=moments,
                review_minimum=review_minimum,
            )
            for kind, moments in agreed.items()
        },
    )


def _supplies(source: SupplySource, connection: str) -> SupplyingPart:
    match source:
        case SupplySource.LAS_DATABASE:
            return LasDatabase(way="las_database", connection=connection)
        case SupplySource.MAPPED_EXPORT:
            return MappedExport(way="mapped_export", mapping=export.MAPPING)
        case SupplySource.TYPED | SupplySource.WORKBOOK:
            return TypedIn()
    return DropFolder()


def write_agreement(agreement: Agreement, folder: Path) -> Path:
    """Write `<folder>/<region>/<school year>.yaml`, moments as Dutch wall time where that is unambiguous."""
    content = agreement.model_dump(mode="json", exclude_defaults=False)
    for kind, agreed in agreement.rounds.items():
        content["rounds"][kind.value]["milestones"] = {
            name: _written(getattr(agreed.milestones, name)) for name in kind.milestones
        }
        content["rounds"][kind.value]["categories"] = sorted(agreed.categories)
        for name in () if kind.is_inspected else _ABOUT_REVIEW:
            del content["rounds"][kind.value][name]
    for school in content["schools"]:
        for side in ("supplies", "receives"):
            if school[side] is None:
                del school[side]
    path = folder / agreement.region / f"{agreement.school_year}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=120)
    path.write_text(
        f"# A synthetic region: its schools and pupils do not exist (docs/sources.md)\n{text}", encoding="utf-8"
    )
    return path


def _written(moment: datetime) -> str:
    local = moment.astimezone(NETHERLANDS)
    # In October an hour comes twice; only then the offset has to say which one is meant.
    is_ambiguous = local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset()
    return (local if is_ambiguous else local.replace(tzinfo=None)).isoformat(sep=" ")
