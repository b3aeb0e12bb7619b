"""Refused rows of a table, with a code of `include/texts/errors/tabular.yaml` and never with the value of a cell."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from overstap.errors import OverstapError


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row of a table that was refused.

    Args:
        line: line number in the file, from 1.
        code: code in `include/texts/errors/tabular.yaml`, or of the caller's own error table.
        facts: values for the placeholders of the sentences: column names and counts.
        cells: the cells by column, as far as they could be read with certainty.
    """

    line: int
    code: str
    facts: dict[str, Any] = field(default_factory=dict)
    cells: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def label(self) -> str:
        """Name of the row in a message."""
        return f"regel {self.line}"

    @property
    def error(self) -> OverstapError:
        """The refusal as an error with its sentences."""
        return OverstapError(self.code, label=self.label, line=self.line, **self.facts)


class RowFault(Exception):  # noqa: N818 (it is not an error of the program: the row is refused, and the reading goes on)
    """Fault of one row, raised and caught inside the reader, which turns it into a `RefusedRow`.

    Args:
        code: code in `include/texts/errors/tabular.yaml`.
        consumed: number of lines that the fault covers.
        facts: values for the placeholders of the sentences.
    """

    def __init__(self, code: str, *, consumed: int = 1, **facts: Any) -> None:
        self.code, self.consumed, self.facts = code, consumed, facts
        super().__init__(code)
