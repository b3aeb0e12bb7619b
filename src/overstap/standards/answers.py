"""What a person fills in about an added version: the list with blanks, and the answers read back from it."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Literal

from overstap.errors import OverstapError
from overstap.oso.catalogue import FORBIDDEN, MANDATORY, OPTIONAL, PROFILES

SENSITIVITIES = ("open", "person", "identifying", "special")
QuestionKind = Literal["field", "code", "list", "category"]
TEXT_COLUMNS = ("label", "help", "label_en", "help_en")
COLUMNS = (
    *("what", "key", "path", "form", "often", "was", "hint"),
    *TEXT_COLUMNS,
    *("category", "group", "sensitivity"),
    *(profile.lower() for profile in PROFILES),
)
"""Columns of the list: `what` and `key` name the row, the next five tell about it, the others are filled in."""
_FILLED = (*TEXT_COLUMNS, "category", "group", "sensitivity", *(profile.lower() for profile in PROFILES))


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A row of the list that a person has still to fill in.

    Args:
        what: kind of the row: a field, a code of a list, the name of a list, or a category.
        key: `block/field`, `list/code`, number of the list, or name of the category.
        path: first path of a field.
        form: type of a field, or `block`.
        often: how often a field may occur.
        proposal: label and help that are proposed, by column.
        was: path in the known version that a field of this name had.
        hint: category, legal group and sensitivity that it had there.
    """

    what: QuestionKind
    key: str
    path: str = ""
    form: str = ""
    often: str = ""
    proposal: Mapping[str, str] = field(default_factory=dict)
    was: str = ""
    hint: str = ""

    def with_answer(self, answer: "Answer") -> "OpenQuestion":
        """Return the question with what was filled in of it so far."""
        given = {column: answer[column] for column in _FILLED if answer[column]}
        return replace(self, proposal={**self.proposal, **given})

    def as_row(self) -> dict[str, str]:
        """Return the row of the list, with blanks."""
        about = {"what": self.what, "key": self.key, "path": self.path, "form": self.form, "often": self.often}
        row = dict.fromkeys(COLUMNS, "") | about | {"was": self.was, "hint": self.hint}
        return row | {column: text for column, text in self.proposal.items() if column in _FILLED}


class Answer:
    """One row that a person filled in.

    Args:
        row: the row, by column.
        line: its line in the file, from 1, for messages.
    """

    def __init__(self, row: Mapping[str, str], line: int = 0) -> None:
        self._row = {column: " ".join((row.get(column) or "").split()) for column in COLUMNS}
        self.line = line

    def __getitem__(self, column: str) -> str:
        return self._row[column]

    @property
    def is_filled(self) -> bool:
        """Whether any column was filled in."""
        return any(self._row[column] for column in _FILLED)

    def as_row(self) -> dict[str, str]:
        """Return the row, to be kept."""
        return {column: text if column in ("what", "key", *_FILLED) else "" for column, text in self._row.items()}

    def check_field(self, categories: Set[str], groups: Set[str]) -> None:
        """Check the classification of a field.

        Args:
            categories: the categories of the version.
            groups: the legal data groups.

        Raises:
            OverstapError: STANDARD-010 when a word is unknown, or a category comes without a legal group.
        """
        for column, known in (("category", categories), ("group", groups), ("sensitivity", set(SENSITIVITIES))):
            if self[column] and self[column] not in known:
                raise self._wrong(column, ", ".join(sorted(known)))
        if self["category"] and not self["group"]:
            raise self._wrong("group", ", ".join(sorted(groups)))

    def check_category(self) -> dict[str, str]:
        """Return the word per profile of a new category; empty when none was filled in.

        Raises:
            OverstapError: STANDARD-010 when a word is unknown or one is missing.
        """
        words = {profile: self[profile.lower()].upper() for profile in PROFILES if self[profile.lower()]}
        known = (MANDATORY, OPTIONAL, FORBIDDEN)
        for profile in PROFILES if words else ():
            if words.get(profile) not in known:
                raise self._wrong(profile.lower(), ", ".join(known))
        return words

    def _wrong(self, column: str, known: str) -> OverstapError:
        return OverstapError("STANDARD-010", line=self.line, key=self["key"], column=column, known=known)


class Answers:
    """The rows that a person filled in so far, by kind and key; a later row replaces an earlier one.

    Args:
        rows: the rows.

    Attributes:
        count: number of rows, those without anything filled in too.
    """

    def __init__(self, rows: Iterable[Answer] = ()) -> None:
        listed = list(rows)
        self.count = len(listed)
        self._rows = {(row["what"], row["key"]): row for row in listed if row.is_filled}

    def of(self, what: QuestionKind, key: str) -> Answer | None:
        """Return the row of a question, or None."""
        return self._rows.get((what, key))

    def all(self) -> list[Answer]:
        """Return every row, sorted."""
        return [self._rows[key] for key in sorted(self._rows)]

    def merged(self, others: "Answers") -> "Answers":
        """Return these rows with others, which take precedence."""
        return Answers([*self.all(), *others.all()])
