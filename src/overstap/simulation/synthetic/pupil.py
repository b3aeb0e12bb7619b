"""Synthetic pupils: names, addresses, carers, choices, support and the peculiarities of real data.

Each peculiarity has a name (`Quirk`), so that a test can ask for it.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from random import Random

from overstap.agreements.model import RegistrationStage
from overstap.clock import NETHERLANDS
from overstap.simulation.synthetic import numbers
from overstap.simulation.synthetic.school import Address, PrimarySchool, SchoolBehaviour, SecondarySchool
from overstap.simulation.synthetic.words import first_names, words


class Quirk(StrEnum):
    """Peculiarities of a pupil's data that are hard to process. A region of a few dozen pupils has all of them."""

    TWINS = "twins"
    SECRET_ADDRESS = "secret_address"  # noqa: S105 - not a password
    NO_BSN = "no_bsn"
    SURNAME_NA = "surname_na"
    SURNAME_NULL = "surname_null"
    APOSTROPHE = "apostrophe"
    LONG_NAME = "long_name"
    EMOJI = "emoji"
    SQL_NAME = "sql_name"
    FORMULA_NAME = "formula_name"
    DECOMPOSED = "decomposed"
    RIGHT_TO_LEFT = "right_to_left"
    LEAP_DAY = "leap_day"
    CEDILLA = "cedilla"
    GUARDIAN = "guardian"
    LEFT_OUT = "left_out"
    """Applied nowhere: nobody may receive this dossier."""


class SyntheticFault(StrEnum):
    """What is wrong with a dossier of a faulty school, with the rule that has to find it."""

    NO_ADVICE = "OVa.OA02"
    NO_CARER = "OVa.OV01"
    SECRET_WITH_ADDRESS = "OVa.LL06"  # noqa: S105 - not a password
    BIRTH_PLACE = "OVa.LL10"
    NO_ADMISSION_DATE = "OVa.LL14"
    UNKNOWN_ADVICE = "CL2"
    WRONG_BSN = "bsn"
    """The check digit; no official rule looks at it (domain facts, section 5.1)."""


class Support(StrEnum):
    """The support that a pupil had."""

    NONE = "none"
    PLAN = "plan"
    DIAGNOSIS = "diagnosis"
    LWOO = "lwoo"
    TLV = "tlv"


@dataclass(frozen=True, slots=True)
class Carer:
    """A parent or carer."""

    first_name: str = field(repr=False)
    prefix: str = field(repr=False)
    surname: str = field(repr=False)
    sex: int
    """OSO list 14: 1 female, 2 male."""
    relation: int
    """OSO list 41: 1 father, 2 mother, 3 guardian."""
    phone: str = field(repr=False)
    email: str = field(repr=False)
    is_legal_representative: bool = True
    is_deceased: bool = False


@dataclass(frozen=True, slots=True)
class SchoolChoice:
    """A secondary school to which a pupil applied, and how far it came."""

    school_id: str
    stage: RegistrationStage
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class SyntheticPupil:
    """A synthetic pupil of group 8."""

    position: int
    school: PrimarySchool
    number: str = field(repr=False)
    has_bsn: bool
    las_key: str = field(repr=False)
    first_names: tuple[str, ...] = field(repr=False)
    prefix: str = field(repr=False)
    surname: str = field(repr=False)
    birth_date: date = field(repr=False)
    sex: int = field(repr=False)
    address: Address = field(repr=False)
    is_secret: bool
    carers: tuple[Carer, ...] = field(repr=False)
    ability: float = field(repr=False)
    """0 to 1: what advice, tests and wishes follow from."""
    advice: str = field(repr=False)
    """Code of list 2."""
    support: Support = field(repr=False)
    years_at_school: int
    years_in_primary: int
    """8 as a rule; 9 after a repeated year, 7 after a skipped one."""
    absence: tuple[int, int] = field(repr=False)
    """Half-days authorised and unauthorised in the last 12 months."""
    choices: tuple[SchoolChoice, ...] = field(repr=False)
    quirk: Quirk | None = None
    fault: SyntheticFault | None = None

    def mended(self) -> "SyntheticPupil":
        """Return the pupil as the school supplies the dossier again, without the fault."""
        return replace(self, fault=None)


SCHOOL_PHONES = 500_000
"""Where the telephone numbers of schools begin."""
_ADVICES = (
    *((0.01, "01"), (0.03, "10"), (0.05, "21"), (0.09, "20"), (0.14, "22"), (0.22, "30"), (0.30, "34"), (0.42, "42")),
    *((0.52, "50"), (0.62, "52"), (0.76, "60"), (0.86, "61"), (1.01, "70")),
)
_LONG = "Adriaansdochter-" * 12 + "Eindelijk"


def pupils_of(
    school: PrimarySchool,
    *,
    seed: int,
    pupils: int,
    first_position: int,
    secondary: tuple[SecondarySchool, ...],
    first_year: int,
    today: date,
    placed_twice: int = 0,
) -> Iterator[SyntheticPupil]:
    """Make the pupils of one school: the same arguments give the same pupils, whatever other schools were made.

    Args:
        school: the school, with its size.
        seed: of the region.
        pupils: number of pupils of the region, over which the quirks are spread.
        first_position: position of the region's first pupil.
        secondary: the schools to choose from.
        first_year: the year in which the school year begins.
        today: the day on which the region's data are as they are.
        placed_twice: number of pupils of the region who are placed at two schools, spread evenly.
    """
    random = Random(f"{seed}:{school.id}")  # noqa: S311 - synthetic data, no secrets
    twin: SyntheticPupil | None = None
    for serial in range(school.size):
        position = school.first_position + serial
        if twin is not None:
            yield _as_twin(twin, position, random)
            twin = None
            continue
        quirk = quirk_at(position - first_position, pupils)
        if quirk is None and random.random() < 0.016:
            quirk = Quirk.TWINS
        if quirk is None and random.random() < 0.012:
            quirk = Quirk.SECRET_ADDRESS
        pupil = _pupil(random, school, position, quirk, secondary, first_year, today, _unnumbered(first_position))
        pupil = replace(pupil, fault=_fault(school, serial, quirk))
        if placed_twice and (position - first_position) % max(pupils // placed_twice, 1) == 0:
            pupil = replace(pupil, choices=_at_two(pupil.choices, secondary))
        if (
            quirk is Quirk.TWINS
            and serial + 1 < school.size
            and quirk_at(position - first_position + 1, pupils) is None
        ):
            twin = pupil
        yield pupil


def quirk_at(position: int, pupils: int) -> Quirk | None:
    """Return the quirk that a region of `pupils` pupils has at a position counted from 0: each once, spread evenly.

    With fewer pupils than two per quirk, the first ones of the list are kept. Pupils of further schools have none.
    """
    if position >= pupils:
        return None
    quirks = tuple(Quirk)
    step = max(pupils // (len(quirks) + 1), 2)
    serial, rest = divmod(position, step)
    return quirks[serial] if rest == step - 2 and serial < len(quirks) else None


def _pupil(
    random: Random,
    school: PrimarySchool,
    position: int,
    quirk: Quirk | None,
    secondary: tuple[SecondarySchool, ...],
    first_year: int,
    today: date,
    unnumbered: int,
) -> SyntheticPupil:
    sex = random.choice((1, 2))
    names = tuple(dict.fromkeys(random.choices(first_names()[sex], k=random.choice((1, 1, 2, 2, 3)))))
    prefix, surname = random.choice(words()["surnames"])
    names, prefix, surname = _odd_name(quirk, names, prefix, surname)
    years = random.choices((8, 9), weights=(95, 5))[0]
    birth_date = date(first_year - 12 - (years - 8), 10, 1) + timedelta(days=random.randrange(365))
    if quirk is Quirk.LEAP_DAY:
        birth_date = date(_leap_year(first_year - 11), 2, 29)
        years = 7 if birth_date.year > first_year - 11 else 8
    has_bsn = quirk is not Quirk.NO_BSN and position % 199 != 150
    # The quirk has a place of its own; the others follow the position, so that no two pupils share a number.
    place = unnumbered if quirk is Quirk.NO_BSN else position // 199 + 1
    number = numbers.bsn(position) if has_bsn else numbers.onderwijsnummer(place)
    ability = random.random()
    advice = next(code for limit, code in _ADVICES if ability < limit)
    return SyntheticPupil(
        position=position,
        school=school,
        number=number,
        has_bsn=has_bsn,
        las_key=f"{school.brin[2:]}{school.branch}{position:06d}",
        first_names=names,
        prefix=prefix,
        surname=surname,
        birth_date=birth_date,
        sex=sex,
        address=_address(random, school),
        is_secret=quirk is Quirk.SECRET_ADDRESS,
        carers=_carers(random, quirk, prefix, surname, position),
        ability=ability,
        advice=advice,
        support=_support(random, advice),
        years_at_school=min(years, random.choices((years, 4, 2), weights=(80, 12, 8))[0]),
        years_in_primary=years,
        absence=(random.randrange(0, 24), random.choices((0, 1, 2, 6), weights=(80, 10, 6, 4))[0]),
        choices=() if quirk is Quirk.LEFT_OUT else _choices(random, advice, secondary, today),
        quirk=quirk,
    )


def _unnumbered(first_position: int) -> int:
    """Return the place of the onderwijsnummer of a region's pupil without BSN, which no other region has."""
    return 1_000 + first_position % 8_000 if first_position else 0


def _as_twin(pupil: SyntheticPupil, position: int, random: Random) -> SyntheticPupil:
    """Return the brother or sister born the same day: same home, carers and schools, and another number."""
    sex = random.choice((1, 2))
    others = [name for name in random.choices(first_names()[sex], k=4) if name not in pupil.first_names]
    return replace(
        pupil,
        position=position,
        number=numbers.bsn(position),
        has_bsn=True,
        las_key=f"{pupil.school.brin[2:]}{pupil.school.branch}{position:06d}",
        first_names=tuple(others[:1]) or ("Bo",),
        sex=sex,
        support=Support.NONE if pupil.support is not Support.LWOO else pupil.support,
        fault=None,
    )


def _odd_name(
    quirk: Quirk | None, names: tuple[str, ...], prefix: str, surname: str
) -> tuple[tuple[str, ...], str, str]:
    match quirk:
        case Quirk.SURNAME_NA:
            return names, "", "NA"
        case Quirk.SURNAME_NULL:
            return names, "", "Null"
        case Quirk.APOSTROPHE:
            return names, "", "O'Brien"
        case Quirk.LONG_NAME:
            return names, "", _LONG[:200]
        case Quirk.EMOJI:
            return ("Sunny 🌻", *names[1:]), prefix, surname
        case Quirk.SQL_NAME:
            return names, "", "Robert\\'); DROP TABLE leerling;--"
        case Quirk.FORMULA_NAME:
            return names, "", "=cmd|' /C calc'!A0"
        case Quirk.DECOMPOSED:
            return (unicodedata.normalize("NFD", "Zoë"), *names[1:]), "", unicodedata.normalize("NFD", "Müller")
        case Quirk.RIGHT_TO_LEFT:
            return ("يوسف", *names[1:]), "", "الأمين"
        case Quirk.CEDILLA:
            return ("Şeyma", "Françoise"), "", "Çelik-Gonçalves"
    return names, prefix, surname


def _leap_year(near: int) -> int:
    return min((year for year in range(near - 3, near + 4) if year % 4 == 0), key=lambda year: abs(year - near))


def _address(random: Random, school: PrimarySchool) -> Address:
    """Most pupils live in the school's town."""
    place = random.choice(words()["towns"]) if random.random() < 0.15 else None
    street = random.choice(words()["street_starts"]) + random.choice(words()["street_ends"])
    return Address(
        street=street,
        number=random.randrange(1, 220),
        suffix=random.choices(("", "a", "b", "2hoog"), weights=(85, 6, 6, 3))[0],
        postcode=postcode(random),
        town=place["town"] if place else school.address.town,
        municipality=place["municipality"] if place else school.address.municipality,
    )


def postcode(random: Random) -> str:
    """Return a postcode of the right form; with a town that does not exist it is nobody's address."""
    return f"{random.randrange(1000, 10000)}{random.choice('BCDEGHJKLMNPRTVWXZ')}{random.choice('BCEGHJKLMNPRTVWXZ')}"


def phone(serial: int) -> str:
    """Return a telephone number in 0600xxxxxx, where no mobile numbers are issued (docs/sources.md)."""
    return f"0600{serial % 1_000_000:06d}"


def _carers(random: Random, quirk: Quirk | None, prefix: str, surname: str, position: int) -> tuple[Carer, ...]:
    if quirk is Quirk.GUARDIAN:
        prefix, surname = random.choice(words()["surnames"])
        return (_carer(random, 1, 3, prefix, surname, position, 0),)
    together = random.random()
    if together < 0.04:
        kinds = [(1, 2), (1, 2)]
    elif together < 0.07:
        kinds = [(2, 1), (2, 1)]
    elif together < 0.20:
        kinds = [(1, 2)]
    else:
        kinds = [(1, 2), (2, 1)]
    carers = []
    for serial, (sex, relation) in enumerate(kinds):
        name = random.choice(words()["surnames"]) if serial == 0 and len(kinds) == 2 else (prefix, surname)
        carers.append(_carer(random, sex, relation, name[0], name[1], position, serial))
    if len(carers) == 2 and random.random() < 0.02:
        carers[1] = replace(carers[1], is_deceased=True, is_legal_representative=False)
    return tuple(carers)


def _carer(random: Random, sex: int, relation: int, prefix: str, surname: str, position: int, serial: int) -> Carer:
    return Carer(
        first_name=random.choice(first_names()[sex]),
        prefix=prefix,
        surname=surname,
        sex=sex,
        relation=relation,
        phone=phone(position * 2 + serial),
        # RFC 2606, section 3: example.org never is anybody's mail.
        email=f"verzorger{position}.{serial}@example.org",
    )


def _support(random: Random, advice: str) -> Support:
    if advice == "21":
        return Support.LWOO
    if advice in {"01", "10"}:
        return Support.TLV
    return random.choices((Support.NONE, Support.PLAN, Support.DIAGNOSIS), weights=(82, 10, 8))[0]


def _choices(
    random: Random, advice: str, secondary: tuple[SecondarySchool, ...], today: date
) -> tuple[SchoolChoice, ...]:
    """Most pupils are placed at the school of their first wish; some only applied, or applied at two schools."""
    fitting = [school for school in secondary if advice in school.advices] or list(secondary)
    wished = random.sample(fitting, k=min(len(fitting), random.choices((1, 2, 3), weights=(80, 15, 5))[0]))
    surest = random.choices(
        (RegistrationStage.PLACED, RegistrationStage.REGISTERED, RegistrationStage.APPLIED), weights=(90, 7, 3)
    )[0]
    made = []
    for serial, school in enumerate(wished):
        moment = datetime.combine(today - timedelta(days=random.randrange(2, 20)), time(8), NETHERLANDS)
        moment += timedelta(minutes=random.randrange(0, 600))
        made.append(SchoolChoice(school.id, surest if serial == 0 else RegistrationStage.APPLIED, moment))
    return tuple(made)


def _at_two(choices: tuple[SchoolChoice, ...], secondary: tuple[SecondarySchool, ...]) -> tuple[SchoolChoice, ...]:
    """Return choices of which two are placements, the second at another school an hour after the first."""
    if not choices:
        return choices
    first = replace(choices[0], stage=RegistrationStage.PLACED)
    second = next((school.id for school in secondary if school.id != first.school_id), None)
    if second is None:
        return choices
    others = [one for one in choices[1:] if one.school_id != second]
    return (first, SchoolChoice(second, RegistrationStage.PLACED, first.recorded_at + timedelta(hours=1)), *others)


def _fault(school: PrimarySchool, serial: int, quirk: Quirk | None) -> SyntheticFault | None:
    """Return the fault of a pupil of a faulty school: every third one, each kind in turn."""
    if school.behaviour is not SchoolBehaviour.FAULTY or quirk is not None or serial % 3 != 1:
        return None
    faults = tuple(SyntheticFault)
    return faults[serial // 3 % len(faults)]
