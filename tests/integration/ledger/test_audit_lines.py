"""Tests that audit lines are canonical JSON for any content, and that their chain verifies."""

import json

import psycopg
import pytest

from overstap.ledger import Ledger
from overstap.ledger.audit import AuditLine, read_chain, verify

REGION = "alfa"


def test_lines_are_canonical_json_in_an_unbroken_chain(ledger: Ledger) -> None:
    told = [
        AuditLine(
            'a\nb "c" \\ \u0085\u2028 Zoë \U0001f600', {"z": 1, "a": [True, None, "x\ny"], "é": {"b": 1, "a": 2}}
        ),
        AuditLine("", {}),
        AuditLine("</dossier>", {"previous": "0" * 64, "seq": "\t"}),
    ]
    for actor in ('school "x"\n', "close"):
        with ledger.unit(REGION, actor) as unit:
            unit.audit("test.line", *told)
    with pytest.raises(psycopg.errors.CheckViolation), ledger.unit(REGION, "test") as unit:
        unit.audit("test.\\n", *told)  # an action is a word and a word
    with ledger.unit(REGION, "test") as unit:
        lines = list(read_chain(unit.connection, REGION))
    assert len(lines) == 2 * len(told)
    assert verify(lines, region=REGION) is None
    for (payload, _), line in zip(lines, told * 2, strict=True):
        said = json.loads(payload)
        assert json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":")) == payload
        assert sorted(said) == ["action", "actor", "at", "detail", "previous", "region", "seq", "subject"]
        assert (said["subject"], said["detail"], said["action"]) == (line.subject, line.detail, "test.line")
    assert [json.loads(payload)["seq"] for payload, _ in lines] == [1, 2, 3, 4, 5, 6]
