"""Simple types of an added version: the known type that has a form, or a new one with a name and a description."""

import re
from decimal import Decimal

from overstap.oso.simple_types import SimpleType
from overstap.standards.schema_reader import SchemaForm
from overstap.texts import texts, with_counts

_ATOM = re.compile(r"(\[[^\]\\]+\]|\\[dw]|[A-Za-z0-9_ -])(?:\{(\d{1,3})\})?")

FormKey = tuple[str, str, int, int | None, Decimal | None, Decimal | None]


class FormNames:
    """The names of forms: those of the known types, and new ones.

    Args:
        known: the simple types that exist, by name.
    """

    def __init__(self, known: dict[str, SimpleType]) -> None:
        self._names = {_key_of_type(each): each.name for each in known.values()}
        self._taken = set(known)
        self.rows: list[dict[str, str]] = []
        """Rows of types.csv for the forms that no known type has."""

    def name(self, form: SchemaForm, preferred: SimpleType | None) -> str:
        """Return the name of the type that has a form.

        Args:
            form: form of a leaf in the schema.
            preferred: type of the field in the known version, which is kept when it has this form.
        """
        key = _key(form)
        if preferred is not None and _key_of_type(preferred) == key:
            return preferred.name
        if key not in self._names:
            name = self._free_name(form)
            self._names[key] = name
            self.rows.append(_row(name, form))
        return self._names[key]

    def _free_name(self, form: SchemaForm) -> str:
        if form.pattern:
            stem = "code"
        elif form.base == "string" and form.longest is not None:
            stem = f"{'text' if form.shortest else 'string'}_{form.longest}"
        elif form.least is not None or form.most is not None:
            stem = "_".join([form.base, *(str(each) for each in (form.least, form.most) if each is not None)])
        else:
            stem = form.base
        name, serial = stem, 1
        while name in self._taken:
            serial += 1
            name = f"{stem}_{serial}" if form.pattern else f"{stem}~{serial}"
        self._taken.add(name)
        return name


def _plain(pattern: str) -> tuple[str, ...]:
    atoms: list[str] = []
    at = 0
    while at < len(pattern):
        found = _ATOM.match(pattern, at)
        if found is None:
            return (pattern,)
        atoms += [found[1]] * int(found[2] or 1)
        at = found.end()
    return tuple(atoms)


def _key(form: SchemaForm) -> FormKey:
    pattern = "\0".join(_plain(form.pattern)) if form.pattern else ""
    return form.base, pattern, form.shortest or 0, form.longest, form.least, form.most


def _key_of_type(kind: SimpleType) -> FormKey:
    pattern = "\0".join(_plain(kind.pattern.pattern)) if kind.pattern is not None else ""
    return kind.base, pattern, kind.shortest, kind.longest, kind.least, kind.most


def _row(name: str, form: SchemaForm) -> dict[str, str]:
    bounds = {"shortest": form.shortest, "longest": form.longest, "least": form.least, "most": form.most}
    return {
        "type": name,
        "base": form.base,
        "pattern": form.pattern,
        **{column: "" if value is None else str(value) for column, value in bounds.items()},
        "label": _label(form),
    }


def _label(form: SchemaForm) -> str:
    words = texts("standards/forms")
    if form.values:
        return str(words["one_of"]["nl"]).format(values=", ".join(form.values[:20]))
    if form.pattern:
        return str(words["pattern"]["nl"])
    if form.base == "string":
        key = "text_at_most" if form.longest is not None else "text"
        return str(words[key]["nl"]).format(**with_counts({"longest": form.longest or 0}))
    if form.least is not None and form.most is not None:
        return str(words["number_between"]["nl"]).format(least=form.least, most=form.most)
    if form.least is not None:
        return str(words["number_from"]["nl"]).format(least=form.least)
    return str(words["number_to" if form.most is not None else "number"]["nl"]).format(most=form.most)
