"""Reader of a coordinator's list of whom to call: a CSV file or workbook with a row per school or school board."""

from collections.abc import Sequence

from overstap.errors import OverstapError
from overstap.ledger.contacts import ContactParty, ContactPerson
from overstap.tabular import Header, HeaderError, RefusedRow, read_table
from overstap.texts import texts

NEEDED, OPTIONAL = ("school", "naam", "telefoon"), ("functie", "e-mail")
MOST_BYTES = 1_000_000
"""Largest list; one of a large region takes a twentieth of it."""


class ListRefusedError(Exception):
    """The list cannot be taken over, and nothing of it was; the message says why and where, Dutch."""


def read_contacts(data: bytes, parties: Sequence[ContactParty]) -> list[tuple[str, ContactPerson, int]]:
    """Return id of the party, whom to call there, and the line, of each row of a list.

    Args:
        data: the file: a workbook (.xlsx), or text with semicolons, commas or tabs. `school` is a BRIN with branch, or
            the name of a school board.
        parties: the parties of the round.

    Raises:
        ListRefusedError: a row cannot be read, names no party or one twice, or the columns are others.
    """
    words = texts("board/contacts")["list"]
    by_name = {one.name.casefold(): one.id for one in parties if one.is_board} | {one.id: one.id for one in parties}
    found: list[tuple[str, ContactPerson, int]] = []
    known: set[str] = set()
    try:
        for row in read_table(data, Header(NEEDED, OPTIONAL)).rows:
            if isinstance(row, RefusedRow):
                raise ListRefusedError(f"{row.error.message_nl} {row.error.do_nl}")
            cells = row.cells
            party = by_name.get(cells["school"].upper()) or by_name.get(cells["school"].casefold())
            if party is None:
                raise ListRefusedError(words["unknown"]["nl"].format(line=row.line))
            if party in known:
                raise ListRefusedError(words["twice"]["nl"].format(line=row.line))
            known.add(party)
            person = ContactPerson(cells["naam"], cells.get("functie", ""), cells["telefoon"], cells.get("e-mail", ""))
            found.append((party, person, row.line))
    except HeaderError:
        raise ListRefusedError(words["columns"]["nl"].format(columns="; ".join((*NEEDED, *OPTIONAL)))) from None
    except OverstapError as error:
        raise ListRefusedError(f"{error.message_nl} {error.do_nl}") from None
    if not found:
        raise ListRefusedError(words["empty"]["nl"])
    return found
