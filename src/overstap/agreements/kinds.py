"""The kinds of source and of channel that an agreement can name, ours and those of suppliers' packages.

Each kind is one module with its block of the agreement, its cell in a file of schools, its help and how it is opened.
Ours are listed here; another package adds one by an entry point of the group `overstap.sources` or `overstap.channels`
that leads to its `KIND` (CONTRIBUTING.md).
"""

import importlib
import importlib.metadata
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_args

from overstap.agreements.model.receiving import ReceivingPart
from overstap.agreements.model.supplying import SupplyingPart
from overstap.texts import read_yaml

_SOURCES = ("drop_folder", "las_database")
_CHANNELS = ("push", "pull", "sftp", "folder", "traffic_centre")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SourceKind:
    """A way to supply.

    Args:
        model: its block `supplies`; the only value of `way` is the kind's name.
        help: file with what each of its keys means, as include/texts/sources has them.
        open: opens where a school supplies: from the block and an `intake.sources.source.SourceContext` makes a context
            manager that gives candidates and refused items.
        cell: makes the block's further keys of what stands behind `<name>:` in the column `supplies` of a file of
            schools.
    """

    model: type[SupplyingPart]
    help: Path
    open: Callable[..., Any]
    cell: Callable[[str], dict[str, Any]] = lambda rest: {"connection": rest} if rest else {}

    @property
    def name(self) -> str:
        """How agreements name it."""
        return _name_of(self.model)


@dataclass(frozen=True, slots=True)
class ChannelKind:
    """A way to receive.

    Args:
        model: its block `receives`; the only value of `way` is the kind's name.
        help: file with what each of its keys means, as include/texts/channels has them.
        open: opens the way to one school: from the block and a `delivery.channels.channel.ChannelPlace` makes a
            `delivery.channels.channel.Channel`.
        cell: makes the block of a cell in the column `receives` of a file of schools; None when the cell is another
            kind's.
        leaves_answers: the school puts its receipts where we have to look for them.
        is_at_desk: envelopes stay at the region's desk until the school asks, which takes a pupil's number.
        address: the keys that together are a place which only one school can have.
    """

    model: type[ReceivingPart]
    help: Path
    open: Callable[..., Any]
    cell: Callable[[str], dict[str, Any] | None]
    leaves_answers: bool = False
    is_at_desk: bool = False
    address: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How agreements name it."""
        return _name_of(self.model)


_K = TypeVar("_K", SourceKind, ChannelKind)


@cache
def sources() -> Mapping[str, SourceKind]:
    """Return every kind of source by its name."""
    return _found([f"overstap.intake.sources.{name}" for name in _SOURCES], "overstap.sources", SourceKind)


@cache
def channels() -> Mapping[str, ChannelKind]:
    """Return every kind of channel by its name."""
    return _found([f"overstap.delivery.channels.{name}" for name in _CHANNELS], "overstap.channels", ChannelKind)


def key_help() -> dict[str, dict[str, dict[str, Any]]]:
    """Return what the keys of each kind's block mean, by the name of the block's class."""
    kinds: list[SourceKind | ChannelKind] = [*sources().values(), *channels().values()]
    return {kind.model.__name__: read_yaml(kind.help) for kind in kinds}


def _found(ours: list[str], group: str, form: type[_K]) -> dict[str, _K]:
    kinds: dict[str, _K] = {}
    for module in ours:
        kind: _K = importlib.import_module(module).KIND
        kinds[kind.name] = kind
    for added in sorted(importlib.metadata.entry_points(group=group), key=lambda one: one.name):
        try:
            kind = added.load()
            if not isinstance(kind, form) or kind.name != added.name or kind.name in kinds:
                raise TypeError(f"{added.value} is no {form.__name__} of that name, or one of that name is there")
        except Exception:  # one supplier's fault must not take all agreements down: those that name it say so
            _log.exception("the kind %s of %s cannot be used", added.name, group)
            continue
        kinds[kind.name] = kind
    return kinds


def _name_of(model: type[Any]) -> str:
    [name] = get_args(model.model_fields["way"].annotation)
    return str(name)
