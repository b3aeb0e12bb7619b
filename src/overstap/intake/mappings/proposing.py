"""A proposal for a mapping, from the names of columns and the values in them; what is unsure is left open.

Names are compared with the names, labels and usual words of fields, values with codes and their labels. A value goes
into the proposal only as one of a code list, and only where most of its column is of that list.
"""

from collections import Counter
from collections.abc import Mapping as Named
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from rapidfuzz import fuzz, process

from overstap.intake.mappings.cells import CellFault, converted, value_key
from overstap.intake.mappings.loading import BUILT_IN
from overstap.intake.mappings.model import LONGEST_NAME, MOST_COLUMNS, About, ColumnRule, Kind, Mapping
from overstap.intake.mappings.reading import codes_of
from overstap.oso.catalogue import catalogue
from overstap.oso.identifiers import is_bsn
from overstap.texts import read_yaml

SURE, MARGIN, LIKELY = 88.0, 6.0, 60.0
"""Likeness (0 to 100) from which a name is one, its distance to the next field, and from which one is proposed."""
_SAME = 100.0
_SURE_VALUE = 90.0
MOST_VALUES = 40
_LONGEST_VALUE = 60
_FEW_FAULTS = 0.1
_PROPOSED = 3
_HOLDER = "huidigeschool/leerling/"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an export.

    Args:
        name: its name.
        values: its values that are not empty, of some rows.
    """

    name: str
    values: Sequence[str] = field(repr=False)


def propose(columns: Sequence[Column], *, name: str, title: str, about: About) -> Mapping:
    """Return a mapping in which each column has a field of which it is sure, or stands under `open`.

    Args:
        columns: the columns of an export.
        name: name of the mapping.
        title: what the export is called.
        about: what it holds.
    """
    # What no mapping can hold is left out: it is not read, as the dry run tells
    usable = [column for column in columns if len(column.name) <= LONGEST_NAME][:MOST_COLUMNS]
    found = [(column, _likely(column.name, about)) for column in usable]
    # Of two columns for one field neither is sure, unless one is much more like it
    best: dict[str, list[float]] = {}
    for _, likely in found:
        if likely:
            best.setdefault(likely[0][0], []).append(likely[0][1])
    rules: dict[str, ColumnRule] = {}
    left: dict[str, list[str]] = {}
    for column, likely in found:
        rule = _rule(column, likely, best, about)
        if rule is not None and rule.field not in {one.field for one in rules.values()}:
            rules[column.name] = rule
        else:
            left[column.name] = [path for path, _ in likely[:_PROPOSED]]
    return Mapping(name=name, title=title, version=1, about=about, columns=rules, open=left)


def _rule(
    column: Column, likely: list[tuple[str, float]], best: Named[str, list[float]], about: About
) -> ColumnRule | None:
    if likely:
        path, score = likely[0]
        next_score = likely[1][1] if len(likely) > 1 else 0.0
        rivals = sorted(best.get(path, ()), reverse=True)
        is_alone = len(rivals) < 2 or (score == rivals[0] and score - rivals[1] >= MARGIN)
        is_first = score - next_score >= MARGIN or score == _SAME > next_score
        if score >= SURE and is_first and is_alone:
            return _with_values(column, path, about)
    if about is About.DOSSIERS and len(column.values) > 2 and all(is_bsn(one.zfill(9)) for one in column.values):
        return ColumnRule(field=f"{_HOLDER}bsn")
    return None


def _with_values(column: Column, path: str, about: About) -> ColumnRule | None:
    """Return a rule, with the codes of its values; None when the values say that it is another field."""
    # Each first name is an item of its own in the standard
    bare = ColumnRule(field=path, split=" " if path.endswith("/voornaam") else None)
    kind, codes = _kind(bare, about)
    if kind is Kind.CODE:
        return _with_codes(column, path, codes)
    faults = 0
    for value in column.values:
        try:
            converted(value, kind, bare, codes)
        except CellFault:
            faults += 1
    return bare if faults <= len(column.values) * _FEW_FAULTS else None


def _with_codes(column: Column, path: str, codes: Named[str, str]) -> ColumnRule | None:
    """Return a rule with a code per value; a value without a likely one has none yet."""
    values = Counter(value_key(one) for one in column.values)
    if len(values) > MOST_VALUES or any(len(one) > _LONGEST_VALUE for one in values):
        return None
    made = codes_for(column, path, codes)
    known = sum(count for value, count in values.items() if made.get(value, value) is not None)
    # Else somebody's remarks would stand in a file that is kept
    if values and known * 2 < values.total():
        return None
    return ColumnRule(field=path, codes=made)


def codes_for(column: Column, path: str, codes: Named[str, str]) -> dict[str, str | None]:
    """Return a likely code per value of a column that is no code by itself; None where there is no likely one.

    Args:
        column: the column.
        path: the field that it becomes.
        codes: codes of the field's code list, with their labels.
    """
    values = {value_key(one) for one in column.values}
    labels = {code: value_key(label) for code, label in codes.items() if label}
    usual = _usual(path, values)
    made: dict[str, str | None] = {}
    for value in sorted(values):
        if value in codes:
            continue  # a code is one by itself
        if usual.get(value) in codes:
            made[value] = usual[value]
            continue
        near = process.extract(value, labels, scorer=fuzz.token_sort_ratio, limit=2)
        is_sure = near and near[0][1] >= _SURE_VALUE and (len(near) < 2 or near[0][1] - near[1][1] >= MARGIN)
        made[value] = near[0][2] if is_sure else None
    return made


def _usual(path: str, values: set[str]) -> dict[str, str]:
    """Return the usual ways to write a field's codes, with signs of which the others say what they mean."""
    words = read_yaml(BUILT_IN / "words.yaml")
    usual: dict[str, str] = words["values"].get(path, {})
    sets = [one for one in words["beside"].get(path, ()) if values - set(usual) <= set(one)]
    return {**usual, **sets[0]} if len(sets) == 1 else usual


def _kind(rule: ColumnRule, about: About) -> tuple[Kind, Named[str, str]]:
    probe = Mapping(name="x", title="x", version=1, about=about, columns={"x": rule})
    return probe.kind_of(rule), codes_of(probe, rule)


def _likely(name: str, about: About) -> list[tuple[str, float]]:
    """Return the fields that a column may be, the most likely first, with their likeness."""
    wanted = _words(name)
    if not wanted:
        return []
    scores: dict[str, float] = {}
    for phrase, score, _ in process.extract(wanted, list(_phrases(about)), scorer=fuzz.token_sort_ratio, limit=20):
        if score >= LIKELY:
            for path in _phrases(about)[phrase]:
                scores[path] = max(scores.get(path, 0.0), score)
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0].count("/"), pair[0]))


@cache
def _phrases(about: About) -> dict[str, tuple[str, ...]]:
    """Return the fields per phrase that names them."""
    found: dict[str, list[str]] = {}

    def add(phrase: str, path: str) -> None:
        words = _words(phrase)
        if words and path not in found.setdefault(words, []):
            found[words].append(path)

    for path, phrases in read_yaml(BUILT_IN / "words.yaml")[about.value].items():
        for phrase in phrases:
            add(phrase, path)
    if about is About.DOSSIERS:
        usual = {path for paths in found.values() for path in paths}
        known = catalogue("2019.1")
        for place in known.walk():
            path = place.path.partition("/")[2]
            if place.field.contains or "document" in path or path in usual:
                continue
            *blocks, last = path.split("/")
            # Which of several a repeated element is, a name does not say: that is left to a person
            with_numbers = _numbered(blocks, last)
            holder = blocks[-1] if blocks else ""
            is_plain = f"{'/'.join(blocks)}/" == _HOLDER
            for said in (place.field.name, place.field.label):
                add(said if is_plain else f"{holder} {said}", with_numbers)
    return {phrase: tuple(paths) for phrase, paths in found.items()}


def _numbered(blocks: list[str], last: str) -> str:
    known = catalogue("2019.1")
    block: str | None = known.root
    path = []
    for name in blocks:
        one = known.field(block or "", name)
        path.append(f"{name}[1]" if one.max is None else name)
        block = one.contains
    return "/".join((*path, last))


def _words(text: str) -> str:
    """Return a name as it is compared: words in lower case, without signs."""
    return " ".join("".join(sign if sign.isalnum() else " " for sign in text.casefold()).split())
