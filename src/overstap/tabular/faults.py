"""What the reader of tables refuses, by a code of `include/texts/errors/tabular.yaml` and never with a cell's value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from overstap.errors import OverstapError


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row of a table that does not count.

    Args:
        line: its number in the file, from 1, as editors and spreadsheet programs count.
        code: of `include/texts/errors/tabular.yaml`, or of the reader's own table.
        facts: what fills the sentence's places: names of columns and counts.
        cells: what could be read of it, by column; empty when nothing could for certain.
    """

    line: int
    code: str
    facts: dict[str, Any] = field(default_factory=dict)
    cells: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def label(self) -> str:
        """How a message names the row."""
        return f"regel {self.line}"

    @property
    def error(self) -> OverstapError:
        """The refusal with its sentences."""
        return OverstapError(self.code, label=self.label, line=self.line, **self.facts)


class RowFault(Exception):  # noqa: N818 (it is not an error of the program: the row is refused, and the reading goes on)
    """Raised inside the reader for one row, and turned into a `RefusedRow`."""

    def __init__(self, code: str, *, consumed: int = 1, **facts: Any) -> None:
        self.code, self.consumed, self.facts = code, consumed, facts
        super().__init__(code)
