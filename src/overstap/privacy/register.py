"""Register of processing activities of a region (AVG art. 30), made of its agreement and the OSO catalogue."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from overstap.agreements import Agreement
from overstap.agreements.model import RoundKind, School
from overstap.oso.catalogue import MANDATORY, OPTIONAL, catalogue
from overstap.resources import INCLUDE
from overstap.texts import read_yaml, texts, with_counts

Language = Literal["nl", "en"]
DATA_SET = "2019.1"
"""Version of the data set whose categories are listed."""
_MARKED = re.compile(r"([\\`*_\[\]<>|~&])")
_ADDRESS = re.compile(r"(?<=[a-z])(?=://)|(?<=www)(?=\.)", re.IGNORECASE)
_JOINER = "\u2060"
"""Word joiner: invisible, and a viewer makes no link across it."""


@dataclass(frozen=True, slots=True)
class Controller:
    """A school board with its schools; `board` is None for schools whose agreement states none."""

    board: str | None
    schools: Sequence[str]


@dataclass(frozen=True, slots=True)
class DataCategory:
    """A category of data of a round.

    Args:
        category: key of the category in the catalogue.
        label: Dutch label.
        groups: Dutch labels of the legal data groups.
        is_special: whether it has fields of special or sensitive data.
        is_mandatory: whether it is always sent; else the region agreed on it.
    """

    category: str
    label: str
    groups: Sequence[str]
    is_special: bool
    is_mandatory: bool


@dataclass(frozen=True, slots=True)
class Activity:
    """One kind of round as a processing activity."""

    round: str
    name: str
    profile: str
    data_set: str
    purpose: str
    legal_ground: str
    data_subjects: str
    data: Sequence[DataCategory]
    suppliers: Sequence[str]
    recipients: Sequence[str]


@dataclass(frozen=True, slots=True)
class Register:
    """The register of a region for one school year; sentences are in one language."""

    region: str
    name: str
    school_year: str
    agreement: str
    is_example: bool
    controllers: Sequence[Controller]
    contacts: Sequence[str]
    activities: Sequence[Activity]
    other_processing: Sequence[str]
    retention: Sequence[str]
    measures: Sequence[str]
    processors: Sequence[str]
    third_countries: str
    to_fill_in: Sequence[str]


def register(agreement: Agreement, language: Language = "nl") -> Register:
    """Return the register of a region.

    Args:
        agreement: agreement of the region and school year.
        language: language of its sentences; labels of the catalogue are Dutch.
    """
    said = texts("privacy/register")
    return Register(
        region=agreement.region,
        name=agreement.name,
        school_year=agreement.school_year,
        agreement=agreement.digest,
        is_example=agreement.example,
        controllers=_controllers(agreement.schools),
        contacts=[f"{one.name}, {one.email}" for one in agreement.coordinators],
        activities=[_activity(agreement, kind, language) for kind in agreement.rounds],
        other_processing=[
            *(one[language] for one in said["others"]),
            *_tests(agreement, language),
            *_progress(language),
        ],
        retention=_retention(agreement, language),
        measures=_measures(agreement, language),
        processors=_ways(agreement.schools, language),
        third_countries=said["third"][language],
        to_fill_in=[one[language] for one in said["fill_in"]],
    )


def _controllers(schools: Iterable[School]) -> list[Controller]:
    found: dict[str | None, list[str]] = {}
    for school in schools:
        found.setdefault(school.board, []).append(school.label)
    return [Controller(board, found[board]) for board in sorted(found, key=lambda name: (name is None, name or ""))]


def _activity(agreement: Agreement, kind: RoundKind, language: Language) -> Activity:
    said, agreed = texts("privacy/register"), agreement.round(kind)
    recipients = [school.label for school in agreement.receivers(kind)]
    if kind.is_inspected:
        recipients.append(said["families"][language])
    return Activity(
        round=kind.value,
        name=kind.dutch,
        profile=agreed.profile,
        data_set=DATA_SET,
        purpose=said["purpose"][kind.value][language],
        legal_ground=said["ground"][kind.value][language],
        data_subjects=said["subjects"][language],
        data=_data(agreed.profile, agreed.categories),
        suppliers=[school.label for school in agreement.suppliers(kind)],
        recipients=recipients,
    )


def _data(profile: str, agreed: frozenset[str]) -> list[DataCategory]:
    """Return the categories that are sent in a profile, with their legal groups, in the order of the catalogue."""
    known = catalogue(DATA_SET)
    marks = known.matrix[profile]
    sent = {
        category for category, mark in marks.items() if mark == MANDATORY or (mark == OPTIONAL and category in agreed)
    }
    # Fields that the profile always withholds do not count; those of a secret address depend on the pupil
    gone = {(one.block, one.name) for one in known.withheld(profile) if not one.when}
    groups: dict[str, dict[str, None]] = {}
    special: set[str] = set()
    withheld: list[str] = []
    for place in known.walk():
        parts = place.path.split("/")
        if any(place.path.startswith(f"{one}/") for one in withheld):
            continue
        if (_block_of(known.root, parts, known.blocks), parts[-1]) in gone:
            withheld.append(place.path)
            continue
        if place.category in sent:
            groups.setdefault(place.category, {})[known.groups[place.group]] = None
            if place.sensitivity == "special":
                special.add(place.category)
    return [
        DataCategory(
            category, known.categories[category], list(groups[category]), category in special, mark == MANDATORY
        )
        for category, mark in marks.items()
        if category in sent and category in groups
    ]


def _block_of(root: str, parts: Sequence[str], blocks: Any) -> str:
    """Return the name of the block in which the last field of a path stands."""
    block = root
    for name in parts[1:-1]:
        block = next(each.contains for each in blocks[block] if each.name == name)
    return block


def _tests(agreement: Agreement, language: Language) -> list[str]:
    """Return what goes to suppliers of the test, where schools gave a mandate for that."""
    if not agreement.test_suppliers:
        return []
    facts = {
        "suppliers": ", ".join(one.name for one in agreement.test_suppliers),
        "count": sum(len(one.mandates) for one in agreement.test_suppliers),
    }
    return [texts("privacy/register")["test_suppliers"][language].format(**with_counts(facts))]


def _progress(language: Language) -> list[str]:
    """Return what may be told of pupils who left, with the grounds of include/schemas/progress.yaml."""
    known = read_yaml(INCLUDE / "schemas" / "progress.yaml")
    fields = ", ".join(one["nl"] for one in known["fields"].values())
    return [
        texts("privacy/register")["progress"][language].format(
            fields=fields, ground=one["ground"], source=one["source"]
        )
        for one in known["years"]
    ]


def _retention(agreement: Agreement, language: Language) -> list[str]:
    said, agreed = texts("privacy/register")["retention"], agreement.retention
    if agreed is None:
        return [said["none"][language], said["evidence"][language]]
    return [
        said["content"][language].format(**with_counts({"days": agreed.content_days})),
        said["traces"][language].format(**with_counts({"days": agreed.traces_days})),
        said["evidence"][language],
    ]


def _measures(agreement: Agreement, language: Language) -> list[str]:
    said = texts("privacy/register")
    found = [one[language] for one in said["measures"]]
    found.append(said["second_factor"][agreement.second_factor][language])
    if agreement.four_eyes:
        acts = ", ".join(said["acts"][act.value][language] for act in agreement.four_eyes)
        found.append(said["four_eyes"][language].format(acts=acts))
    return found


def _ways(schools: Iterable[School], language: Language) -> list[str]:
    """Return by which ways schools supply and receive: behind each may be a supplier."""
    said = texts("privacy/register")["ways"]
    supplies = Counter(one.supplies.way for one in schools if one.supplies is not None)
    receives = Counter(one.receives.way for one in schools if one.receives is not None)
    return [
        said[side][language].format(way=way, **with_counts({"schools": count}))
        for side, ways in (("supplies", supplies), ("receives", receives))
        for way, count in sorted(ways.items())
    ]


def markdown(found: Register, language: Language = "nl") -> str:
    """Return a register as Markdown; names from the agreement are text and never markup."""
    said = texts("privacy/register")

    def of(part: str, key: str, **facts: str) -> str:
        return str(said[part][key][language]).format(**facts)

    lines = [
        f"# {said['title'][language].format(name=_text(found.name), year=found.school_year)}",
        *("", said["intro"][language]),
        *("", said["agreement"][language].format(region=found.region, digest=f"`{found.agreement[:12]}`")),
    ]
    if found.is_example:
        lines += ["", said["example"][language]]
    lines += ["", f"## {of('headings', 'controllers')}", "", said["controllers"][language], ""]
    lines += _table([of("columns", "board"), of("columns", "schools")])
    lines += [
        _row([_text(one.board or said["not_stated"][language]), ", ".join(map(_text, one.schools))])
        for one in found.controllers
    ]
    lines += ["", f"## {of('headings', 'contacts')}", "", *_items(found.contacts)]
    for one in found.activities:
        lines += ["", f"## {of('headings', 'activity', round=one.name)}", ""]
        lines += _items([f"{said['purpose_is'][language]}: {one.purpose}"], is_ours=True)
        lines += _items([f"{said['ground_is'][language]}: {one.legal_ground}"], is_ours=True)
        lines += _items([f"{said['subjects_are'][language]}: {one.data_subjects}"], is_ours=True)
        none = said["none"][language]
        for label, schools in (("suppliers_are", one.suppliers), ("recipients_are", one.recipients)):
            lines.append(f"- {said[label][language]}: {'; '.join(map(_text, schools)) or none}")
        profile = said["profile"][language].format(profile=one.profile, version=one.data_set)
        lines += [f"- {said['data_are'][language]}: {profile}", ""]
        lines += _table([of("columns", name) for name in ("category", "groups", "special", "sent")])
        lines += [
            _row(
                [
                    _text(each.label),
                    _text(", ".join(each.groups)),
                    of("words", "is_special" if each.is_special else "is_not_special"),
                    of("words", "mandatory" if each.is_mandatory else "agreed"),
                ]
            )
            for each in one.data
        ]
    for heading, sentences in (
        ("others", found.other_processing),
        ("retention", found.retention),
        ("measures", found.measures),
        ("processors", [*found.processors, found.third_countries]),
        ("fill_in", found.to_fill_in),
    ):
        lines += ["", f"## {of('headings', heading)}", "", *_items(sentences, is_ours=True)]
    return "\n".join([*lines, ""])


def _table(columns: Sequence[str]) -> list[str]:
    return [_row(columns), _row(["---"] * len(columns))]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _items(sentences: Iterable[str], *, is_ours: bool = False) -> list[str]:
    return [f"- {one if is_ours else _text(one)}" for one in sentences]


def _text(text: str) -> str:
    """Return a text of the agreement on one line, with what Markdown and HTML interpret escaped."""
    return _MARKED.sub(r"\\\1", _ADDRESS.sub(_JOINER, " ".join(text.split())))
