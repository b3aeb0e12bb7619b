"""Tests of `overstap audit who-saw`: disclosures of one dossier, also after its erasure."""

from uuid import uuid4

import pytest
from owned import by_owner
from test_walk import PO, PUPIL, REGION, ROUND, VO, accept_all, incoming, inspect, register, release, seal, send, supply
from typer.testing import CliRunner

from overstap.cli import app
from overstap.ledger import Ledger, downloads
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.dossiers.reference import reference
from overstap.ledger.invariants import check
from overstap.ledger.review import access_log


def test_the_evidence_tells_who_saw_a_dossier(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    supply(ledger, incoming(), incoming("123456782", las_key="18"))
    accept_all(ledger)
    release(ledger)
    inspect(ledger)
    register(ledger)
    seal(ledger)
    send(ledger)
    with ledger.unit(REGION, "test") as unit:
        mine = unit.one(
            "select dossier from overstap.dossier where pupil = %(pupil)s", pupil=unit.keys.lookup("pupil", PUPIL)
        )[0]
        [other] = [row[0] for row in unit.rows("select dossier from overstap.dossier") if row[0] != mine]
        access_log.note_opened(unit, [VersionRef(mine, 1)], by="juf", purpose="print", person="handle")
        access_log.note_opened(unit, [VersionRef(other, 1)], by="meester", purpose="print")
    with ledger.unit(REGION, "test") as unit:
        told = [(one.action, one.to, one.purpose) for one in access_log.disclosures(unit, mine)]
        assert told == [("delivery.send", VO, ""), ("content.open", "", "print")]
        assert len(access_log.disclosures(unit, other)) == 1
    with ledger.unit(REGION, "de beheerder") as unit:
        downloads.note(unit, "fault_list", ROUND, downloads.signs_of_school(unit, ROUND, PO), to=PO)
    with ledger.unit(REGION, "test") as unit:
        for dossier in (mine, other):
            last = access_log.disclosures(unit, dossier)[-1]
            assert (last.action, last.actor) == ("download.take", "de beheerder")
            assert (last.to, last.purpose) == (PO, "fault_list")
        assert check(unit) == []
    by_owner(ledger, "delete from overstap.content_access")
    with ledger.unit(REGION, "test") as unit:
        assert len(access_log.disclosures(unit, mine)) == 3
    with ledger.unit("beta", "test") as unit:
        assert access_log.disclosures(unit, mine) == []
    monkeypatch.setenv("OVERSTAP_LEDGER", ledger._dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(ledger._where_keys_are))
    for code in (reference(mine), str(mine)):
        said = CliRunner().invoke(app, ["audit", "who-saw", REGION, code])
        assert said.exit_code == 0, said.output
        assert "delivery.send" in said.output
    for code in ("0000-0000", "' or 1=1", str(uuid4())):
        assert CliRunner().invoke(app, ["audit", "who-saw", REGION, code]).exit_code == 1
