"""Source `typed`: dossiers that a school typed in and handed in on its own pages.

They are in the ledger, encrypted, as the OSO XML that the form made. A school with another source may type pupils in
as well; the collection then takes both.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from overstap.agreements.kinds import SourceKind
from overstap.agreements.model.supplying import SupplyingPart
from overstap.intake.candidates import Candidate
from overstap.intake.refusals import RefusedItem
from overstap.intake.sources.source import SourceContext
from overstap.resources import INCLUDE

TYPED = "typed"
"""Name of the kind, also of a dossier that a school with another source typed in."""


class TypedIn(SupplyingPart):
    """The school types its dossiers in on its own pages (docs/nl/invullen.md)."""

    way: Literal["typed"] = "typed"


@contextmanager
def _open(supplies: TypedIn, context: SourceContext) -> Iterator[Iterator[Candidate | RefusedItem]]:
    yield iter(context.typed())


KIND = SourceKind(model=TypedIn, help=INCLUDE / "texts" / "sources" / "typed.yaml", open=_open)
