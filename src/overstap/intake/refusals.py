"""The class `RefusedItem`: a refused file or row, with an error code and without personal data in messages."""

from dataclasses import dataclass, field
from typing import Any

from overstap.errors import OverstapError


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """A refused file or row; the others are used."""

    label: str
    """Label without personal data: a position, or a position and a keyed digest."""
    code: str
    """Code of `include/texts/errors/intake.yaml` or `tabular.yaml`."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Values for the placeholders of the sentences, besides the label."""
    file_name: str | None = field(default=None, repr=False)
    """The school's own file name. It can contain a pupil's name: store it encrypted, never log it."""
    about: tuple[str | None, str | None] = field(default=(None, None), repr=False)
    """For a row of registrations: pupil number and secondary school, each as far as it could be read."""
    is_waiting: bool = False
    """Whether the file is still being written, so that the next collection reads it."""

    @property
    def error(self) -> OverstapError:
        """The refusal as an error, with its sentences in Dutch and English."""
        return OverstapError(self.code, label=self.label, **self.facts)
