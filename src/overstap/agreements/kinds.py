"""Registry of the kinds of sources and channels: those of Overstap and those of suppliers' packages.

Each kind is one module that defines its block of the agreement, its cell in a file of schools, its help texts and how
to open it. The kinds of Overstap are listed here; another package registers its `KIND` by an entry point of the group
`overstap.sources` or `overstap.channels` (CONTRIBUTING.md).
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

_SOURCES = ("drop_folder", "http_api", "las_database", "mapped_export", "typed")
_CHANNELS = ("push", "pull", "sftp", "folder", "page", "traffic_centre")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SourceKind:
    """A kind of source: a way in which schools supply dossiers.

    Args:
        model: class of its block `supplies`; the only value of `way` is the name of the kind.
        help: path of the YAML file with help for each key, in the form of include/texts/sources.
        open: opens the source of a school: takes the block and an `intake.sources.source.SourceContext`, and returns a
            context manager that yields candidates and refused items.
        cell: parses the text after `<name>:` in the column `supplies` of a file of schools; returns the other keys of
            the block.
    """

    model: type[SupplyingPart]
    help: Path
    open: Callable[..., Any]
    cell: Callable[[str], dict[str, Any]] = lambda rest: {"connection": rest} if rest else {}

    @property
    def name(self) -> str:
        """The value of `way` in agreements."""
        return _name_of(self.model)


@dataclass(frozen=True, slots=True)
class ChannelKind:
    """A kind of channel: a way in which schools receive envelopes.

    Args:
        model: class of its block `receives`; the only value of `way` is the name of the kind.
        help: path of the YAML file with help for each key, in the form of include/texts/channels.
        open: opens the channel of a school: takes the block and a `delivery.channels.channel.ChannelContext`, and
            returns a `delivery.channels.channel.Channel`.
        cell: parses a cell of the column `receives` of a file of schools; returns the block, or None when the cell is
            of another kind.
        leaves_answers: whether the school stores its receipts in the channel, from which the conductor fetches them.
        is_at_desk: whether envelopes stay at the region's desk until the school requests them by the number of a pupil.
        is_on_page: whether the school collects on the schools' pages and confirms by account, without a certificate.
        address: the keys that together form an address that only one school can have.
    """

    model: type[ReceivingPart]
    help: Path
    open: Callable[..., Any]
    cell: Callable[[str], dict[str, Any] | None]
    leaves_answers: bool = False
    is_at_desk: bool = False
    is_on_page: bool = False
    address: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The value of `way` in agreements."""
        return _name_of(self.model)


_K = TypeVar("_K", SourceKind, ChannelKind)


@cache
def sources() -> Mapping[str, SourceKind]:
    """Return all kinds of sources by name."""
    return _load_kinds([f"overstap.intake.sources.{name}" for name in _SOURCES], "overstap.sources", SourceKind)


@cache
def channels() -> Mapping[str, ChannelKind]:
    """Return all kinds of channels by name."""
    return _load_kinds([f"overstap.delivery.channels.{name}" for name in _CHANNELS], "overstap.channels", ChannelKind)


def key_help() -> dict[str, dict[str, dict[str, Any]]]:
    """Return the help of the keys of each kind's block, by the name of the class of the block."""
    kinds: list[SourceKind | ChannelKind] = [*sources().values(), *channels().values()]
    return {kind.model.__name__: read_yaml(kind.help) for kind in kinds}


def _load_kinds(ours: list[str], group: str, form: type[_K]) -> dict[str, _K]:
    kinds: dict[str, _K] = {}
    for module in ours:
        kind: _K = importlib.import_module(module).KIND
        kinds[kind.name] = kind
    for added in sorted(importlib.metadata.entry_points(group=group), key=lambda entry_point: entry_point.name):
        try:
            kind = added.load()
            if not isinstance(kind, form) or kind.name != added.name or kind.name in kinds:
                raise TypeError(f"{added.value} is no {form.__name__} of that name, or the name is taken")
        except Exception:  # a faulty package must not break all agreements; those that use its kind get a finding
            _log.exception("the kind %s of %s cannot be used", added.name, group)
            continue
        kinds[kind.name] = kind
    return kinds


def _name_of(model: type[Any]) -> str:
    [name] = get_args(model.model_fields["way"].annotation)
    return str(name)
