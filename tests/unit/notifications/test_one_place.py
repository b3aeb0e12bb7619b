"""Test that every mail is composed and queued in `overstap.notifications`."""

import ast
from pathlib import Path
from uuid import UUID

from overstap.clock import now
from overstap.ledger.notifications.outbox import ClaimedMail
from overstap.notifications.message import compose
from overstap_tools.project import PROJECT

SOURCE = PROJECT / "src" / "overstap"
OUTBOX = "overstap.ledger.notifications.outbox"
ALLOWED = {"Mail", "queue"}


def users() -> dict[Path, set[str]]:
    """Return per module what it takes of the outbox to compose or queue a mail."""
    found: dict[Path, set[str]] = {}
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == OUTBOX:
                names = {one.name for one in node.names} & ALLOWED
                if names:
                    found.setdefault(path.relative_to(SOURCE), set()).update(names)
    return found


def test_mails_are_composed_and_queued_in_one_package() -> None:
    found = users()
    assert found
    assert {path.parts[0] for path in found} == {"notifications"}


def test_a_mail_is_answered_by_whom_it_says() -> None:
    taken = ClaimedMail(UUID(int=1), "x", 1, "a@b.nl", "x", "x", None, ("c@d.nl", "geen adres", "e@f.nl"))
    message = compose(taken, sender="overstap@x.nl", sender_name="Overstap", at=now())
    assert message["Reply-To"] == "c@d.nl, e@f.nl"
    nobody = ClaimedMail(UUID(int=1), "x", 1, "a@b.nl", "x", "x", None)
    assert compose(nobody, sender="overstap@x.nl", sender_name="Overstap", at=now())["Reply-To"] is None
