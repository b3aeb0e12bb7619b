"""Regions of a synthetic country, and their agreements with real calendars.

Each region has an agreement of last year, whose moments differ from the usual ones by a habit of its own. From it the
product composes the agreement of this year, as `overstap agreement new` does: every moment at the same distance in
school days from the nearest national date, by the holidays of the region's part of the country.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

from overstap.agreements import Agreement, Milestones, RoundKind, load_agreement
from overstap.agreements.checks import check_agreements
from overstap.agreements.drafting.composition import LastYear, NewAgreementRequest, compose
from overstap.agreements.findings import AgreementSeverity
from overstap.agreements.model import HolidayRegion
from overstap.agreements.national import NationalYear, national_year
from overstap.clock import NETHERLANDS, dutch_time
from overstap.simulation.synthetic.agreement import agreement_of, usual_milestones, write_agreement
from overstap.simulation.synthetic.region import SyntheticRegion, school_year_of
from overstap_tools.bench.sandbox import region_of

KINDS = (RoundKind.PRE_REGISTRATION, RoundKind.ADVICE, RoundKind.PLACEMENT)
"""The year's rounds of every region."""
_HABITS = 10
"""Number of different habits: so many days apart are the moments of two regions in one part of the country."""
_SMALLEST, _SPREAD = 50, 101
"""The largest region has about three times the pupils of the smallest one."""


@dataclass(frozen=True, slots=True)
class CountryRegion:
    """A region of the country; picklable, so that it can be passed to another process.

    Args:
        region: its schools and pupils.
        agreement: its agreement of the year, composed by the product.
        national: the national school year.
    """

    region: SyntheticRegion
    agreement: Agreement
    national: NationalYear


def region_names(count: int) -> list[str]:
    """Return ids of regions."""
    return [f"land_{number:02}" for number in range(count)]


def make_regions(count: int, pupils: int, today: date) -> list[SyntheticRegion]:
    """Return regions of different sizes, each with schools and pupils of its own.

    Args:
        count: how many.
        pupils: of all of them together.
        today: a day of the school year.
    """
    weights = [_SMALLEST + 37 * number % _SPREAD for number in range(count)]
    sizes = [max(1, pupils * weight // sum(weights)) for weight in weights]
    sizes[0] += pupils - sum(sizes)
    found: list[SyntheticRegion] = []
    school = position = 0
    for number, (name, size) in enumerate(zip(region_names(count), sizes, strict=True)):
        region = region_of(name, size, today, serial=number, first_school=school, first_position=position)
        found.append(region)
        school += max(len(region.primary), len(region.secondary))
        position += size
    return found


def first_day(today: date) -> datetime:
    """Return the begin of the school year of a day: everything in it happens later."""
    return datetime.combine(date(int(school_year_of(today)[:4]), 8, 1), time(), NETHERLANDS)


def agree(
    regions: Sequence[SyntheticRegion],
    kinds: Sequence[RoundKind],
    addresses: Mapping[str, Mapping[str, str]],
    folder: Path,
    last: Path,
) -> list[CountryRegion]:
    """Compose and write the agreements of a year.

    Args:
        regions: the regions.
        kinds: the rounds of each.
        addresses: per region and secondary school the address for envelopes.
        folder: where the agreements go.
        last: where those of last year go.

    Raises:
        RuntimeError: the product finds an error in an agreement that it composed.
    """
    found = []
    for number, region in enumerate(regions):
        before = _last_year(number, region, addresses[region.name], last)
        request = NewAgreementRequest(
            *(region.name, region.title, region.school_year),
            holiday_region=tuple(HolidayRegion)[number % len(HolidayRegion)],
            coordinators=before.agreement.coordinators,
            rounds=tuple(kinds),
        )
        path = folder / region.name / f"{region.school_year}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(compose(request, before, today=region.today).text, encoding="utf-8")
        [checked] = check_agreements([path])
        if checked.errors:
            codes = ", ".join(one.code for one in checked.findings if one.severity is AgreementSeverity.ERROR)
            raise RuntimeError(f"{region.name}: {codes}")
        agreement = load_agreement(path)
        opens = min(agreed.milestones.opens for agreed in agreement.rounds.values())
        exported = replace(region, today=dutch_time(opens).date())
        found.append(CountryRegion(exported, agreement, national_year(region.school_year)))
    return found


def _last_year(number: int, region: SyntheticRegion, addresses: Mapping[str, str], folder: Path) -> LastYear:
    """Write the agreement of the year before, with a habit of the region's own."""
    year = f"{region.first_year - 1}-{region.first_year}"
    later = timedelta(days=number // len(HolidayRegion) % _HABITS)
    moments = {
        kind: Milestones(**{name: getattr(usual, name) + later for name in kind.milestones})
        for kind, usual in usual_milestones(year).items()
    }
    before = agreement_of(replace(region, school_year=year), moments, receives_at=addresses.__getitem__)
    return LastYear.read(write_agreement(before, folder))
