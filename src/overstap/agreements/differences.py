"""Comparison of two versions of an agreement: the differing values by key, without a verdict."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from overstap.agreements.model import Agreement, Milestones, RoundKind
from overstap.clock import format_moment
from overstap.texts import noun, texts

_NOT_STATED = frozenset(
    f"rounds.{kind}.milestones.{name}"
    for kind in RoundKind
    for name in Milestones.model_fields
    if name not in kind.milestones
)
"""Milestones that a kind of round lacks, which the model derives from the others."""
NAMED_BY = {
    "schools": "id",
    "coordinators": "account",
    "occasions": "name",
    "comparisons": "region",
    "test_suppliers": "oin",
}
"""Lists whose items are compared by a key, so that their order does not matter."""


class ChangeKind(StrEnum):
    """Type of a difference."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class AgreementDifference:
    """One differing value.

    Args:
        path: the key, such as `rounds.advice.milestones.data_due`; items of lists by key: `schools.99AB00.contact`.
        change: type of the difference.
        old: the old value; None when it was added.
        new: the new value; None when it was removed.
        round: kind of the round it belongs to; None for a key of the region.
    """

    path: str
    change: ChangeKind
    old: Any
    new: Any
    round: str | None

    @property
    def old_nl(self) -> str:
        """The old value for a coordinator; a dash when there was none."""
        return _formatted(self.old)

    @property
    def new_nl(self) -> str:
        """The new value for a coordinator; a dash when it was removed."""
        return _formatted(self.new)

    @property
    def sentence_nl(self) -> str:
        """The difference as a Dutch sentence for a coordinator."""
        sentence: str = texts("agreements/differences")[self.change.value]["nl"]
        return sentence.format(path=self.path, old=_formatted(self.old), new=_formatted(self.new))


def differences(old: Agreement, new: Agreement) -> list[AgreementDifference]:
    """Return the differences in the order of the keys; moments are compared as instants, whatever their notation.

    Args:
        old: the old version.
        new: the new version.
    """
    return [found for found in _walk((), _plain(old), _plain(new)) if found.path not in _NOT_STATED]


def _plain(value: Any, name: str = "") -> Any:
    if isinstance(value, BaseModel):
        return {field: _plain(getattr(value, field), field) for field in type(value).model_fields}
    if isinstance(value, dict):
        return {str(key): _plain(inside) for key, inside in value.items()}
    if isinstance(value, frozenset):
        return dict.fromkeys(sorted(value), True)
    if isinstance(value, tuple):
        named = NAMED_BY.get(name)
        if named is not None:
            items = [(str(getattr(item, named)), _plain(item)) for item in value]
            keys = [key for key, _ in items]
            if len(set(keys)) == len(keys):
                return dict(items)
        return [_plain(item) for item in value]
    return value


def _walk(path: tuple[str, ...], old: Any, new: Any) -> Iterator[AgreementDifference]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*old, *new)):
            here = (*path, key)
            if key not in new:
                yield _difference(here, ChangeKind.REMOVED, old[key], None)
            elif key not in old:
                yield _difference(here, ChangeKind.ADDED, None, new[key])
            else:
                yield from _walk(here, old[key], new[key])
    elif old != new:
        change = ChangeKind.ADDED if old is None else ChangeKind.REMOVED if new is None else ChangeKind.CHANGED
        yield _difference(path, change, old, new)


def _difference(path: tuple[str, ...], change: ChangeKind, old: Any, new: Any) -> AgreementDifference:
    return AgreementDifference(
        ".".join(path), change, old, new, path[1] if path[0] == "rounds" and len(path) > 1 else None
    )


def _formatted(value: Any) -> str:
    if isinstance(value, datetime):
        return format_moment(value)
    if isinstance(value, timedelta):
        return f"{value / timedelta(days=1):g} {noun(value / timedelta(days=1), 'dag|dagen')}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_formatted(inside)}" for key, inside in value.items() if inside is not None)
    if isinstance(value, list):
        return ", ".join(_formatted(item) for item in value) or "-"
    return (
        {True: "ja", False: "nee", None: "-"}.get(value, str(value)) if isinstance(value, bool | None) else str(value)
    )
