"""The id of a round: region, school year and kind as one value."""

import re
from typing import Self

from overstap.agreements.model.rounds import RoundKind
from overstap.errors import OverstapError

_FORM = re.compile(r"(?P<region>[a-z][a-z0-9_]*)\.(?P<school_year>[0-9]{4}-[0-9]{4})\.(?P<kind>[a-z_]+)")
_HARMLESS = re.compile(r"[A-Za-z0-9_.-]{1,80}")


class RoundId(str):
    """A round's id as the ledger, the DAGs and addresses have it: "demo.2026-2027.advice".

    It is text, so that queries, messages and file names take it as it is, and knows its parts.

    Args:
        text: the id.

    Raises:
        OverstapError: AGREEMENT-023 when the text is no round's id.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Return the id that a text says."""
        found = _FORM.fullmatch(text)
        if found is None or found["kind"] not in set(RoundKind):
            # What was typed may be anything: only what looks like an id is repeated.
            raise OverstapError("AGREEMENT-023", round=text if _HARMLESS.fullmatch(text) else "?")
        return super().__new__(cls, text)

    @classmethod
    def of(cls, region: str, school_year: str, kind: str) -> Self:
        """Return the id of a region's round.

        Args:
            region: region id.
            school_year: such as "2026-2027".
            kind: which round.

        Raises:
            OverstapError: AGREEMENT-023 when these are not the parts of a round's id.
        """
        return cls(f"{region}.{school_year}.{kind}")

    @property
    def region(self) -> str:
        """The region."""
        return self.split(".")[0]

    @property
    def school_year(self) -> str:
        """The school year, such as "2026-2027"."""
        return self.split(".")[1]

    @property
    def kind(self) -> RoundKind:
        """Which of the year's rounds it is."""
        return RoundKind(self.split(".")[2])
