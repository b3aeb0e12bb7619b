"""Type of the id of a round, which combines region, school year and kind."""

import re
from typing import Self

from overstap.agreements.model.rounds import RoundKind
from overstap.errors import OverstapError

_FORM = re.compile(r"(?P<region>[a-z][a-z0-9_]*)\.(?P<school_year>[0-9]{4}-[0-9]{4})\.(?P<kind>[a-z_]+)")
_HARMLESS = re.compile(r"[A-Za-z0-9_.-]{1,80}")


class RoundId(str):
    """Id of a round in the ledger, the DAGs and URLs: "demo.2026-2027.advice".

    It is a string, usable in queries, messages and file names, with properties for its parts.

    Args:
        text: the id.

    Raises:
        OverstapError: AGREEMENT-023 when the text is no valid id.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Validate the text and return the id."""
        found = _FORM.fullmatch(text)
        if found is None or found["kind"] not in set(RoundKind):
            # The text can be arbitrary input, so the error quotes it only when it looks like an id
            raise OverstapError("AGREEMENT-023", round=text if _HARMLESS.fullmatch(text) else "?")
        return super().__new__(cls, text)

    @classmethod
    def of(cls, region: str, school_year: str, kind: str) -> Self:
        """Return the id of a round from its parts.

        Args:
            region: id of the region.
            school_year: school year, such as "2026-2027".
            kind: kind of the round.

        Raises:
            OverstapError: AGREEMENT-023 when a part is invalid.
        """
        return cls(f"{region}.{school_year}.{kind}")

    @property
    def region(self) -> str:
        """Id of the region."""
        return self.split(".")[0]

    @property
    def school_year(self) -> str:
        """The school year, such as "2026-2027"."""
        return self.split(".")[1]

    @property
    def kind(self) -> RoundKind:
        """Kind of the round."""
        return RoundKind(self.split(".")[2])
