"""Synthetic schools: names, addresses, how they supply, and their faults."""

from dataclasses import dataclass
from enum import StrEnum

from overstap.simulation.synthetic import numbers
from overstap.simulation.synthetic.words import words


class SchoolBehaviour(StrEnum):
    """Behaviour of a primary school in the round."""

    ON_TIME = "on_time"
    LATE = "late"
    """Supplies nothing at first; its files come later."""
    FAULTY = "faulty"
    """A third of its dossiers breaks a rule; the mended ones come later."""
    LITTERED = "littered"
    """Its drop folder also holds files that do not belong there."""


class SupplySource(StrEnum):
    """How a primary school supplies."""

    DROP_FOLDER = "drop_folder"
    LAS_DATABASE = "las_database"
    MAPPED_EXPORT = "mapped_export"
    """A CSV file of its own system, read by a mapping."""
    TYPED = "typed"
    """On its own pages, pupil by pupil."""
    WORKBOOK = "workbook"
    """On its own pages, in one workbook; in the agreement `typed` as well."""


@dataclass(frozen=True, slots=True)
class Address:
    """A place in a town that does not exist."""

    street: str
    number: int
    suffix: str
    postcode: str
    town: str
    municipality: str


@dataclass(frozen=True, slots=True)
class PrimarySchool:
    """A synthetic primary school."""

    id: str
    """BRIN and branch: 99AA00."""
    name: str
    address: Address
    source: SupplySource
    behaviour: SchoolBehaviour
    size: int
    """Number of pupils in group 8."""
    first_position: int
    """Position of its first pupil in the region, which decides the identity numbers."""
    names_in_file_names: bool = False
    """Some systems put the pupil's name in the name of the exported file."""

    @property
    def brin(self) -> str:
        """The institution code."""
        return self.id[:4]

    @property
    def branch(self) -> str:
        """The vestigingscode."""
        return self.id[4:]


@dataclass(frozen=True, slots=True)
class SecondarySchool:
    """A synthetic secondary school."""

    id: str
    name: str
    town: str
    advices: frozenset[str]
    """Advice codes (list 2) for which it has places."""


_EVERY_LEVEL = frozenset(
    {"20", "21", "22", "23", "30", "31", "32", "34", "40", "42", "44", "50", "52", "60", "61", "70"}
)
_BY_NAME = (
    (("Praktijk",), frozenset({"01", "10"})),
    (("Lyceum", "Gymnasium", "Atheneum"), frozenset({"60", "61", "70"})),
    (("Vakschool", "Vmbo", "Technisch"), frozenset({"20", "21", "22", "23", "30", "31", "32", "34"})),
    (("Mavo",), frozenset({"34", "40", "42", "44", "50", "52"})),
)


def make_secondary_schools(count: int, first: int = 0) -> tuple[SecondarySchool, ...]:
    """Make secondary schools from a place on; the first one takes every level, so that each pupil has one to go to."""
    names, towns = words()["secondary_names"], words()["towns"]
    made = []
    for position in range(first, first + count):
        name = names[position % len(names)]
        if position >= len(names):
            name = f"{name} {position // len(names) + 1}"
        advices = next((levels for parts, levels in _BY_NAME if any(part in name for part in parts)), _EVERY_LEVEL)
        if position == first:
            advices = _EVERY_LEVEL | {"01", "10", "80"}
        town = towns[position % len(towns)]["town"]
        made.append(SecondarySchool(numbers.secondary_school(position), name, town, frozenset(advices)))
    return tuple(made)


def primary_name(position: int) -> str:
    """Return the name of the primary school at a position: "De Papieren Draak"; after 576 of them with a number."""
    adjectives, nouns = words()["primary_adjectives"], words()["primary_nouns"]
    turn, serial = divmod(position, len(adjectives) * len(nouns))
    # Steps of 1 and 5 so that neighbours differ in both words.
    adjective = adjectives[serial % len(adjectives)]
    noun = nouns[(serial * 5 + serial // len(adjectives)) % len(nouns)]
    return f"De {adjective} {noun}" + (f" {turn + 1}" if turn else "")
