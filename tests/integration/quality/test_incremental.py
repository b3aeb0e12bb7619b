"""A round is judged from what intake kept: no dossier is opened, and one new file has nothing read again."""

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from test_quality_runs import KEY, NOW, ROUND, agreement, incoming, judge, supply

from overstap.ledger import Ledger
from overstap.ledger.dossiers import dossiers, records
from overstap.ledger.dossiers.dossiers import IncomingDossier
from overstap.oso.facts import DossierFacts, record_of
from overstap.oso.reading import read
from overstap.oso.version_cache import forget_versions
from overstap.quality import examination, region
from overstap.quality.examination import examine
from overstap.quality.region_rulebook import expected_in


def taken_in(number: str, valid: str, las_key: str = KEY, *, is_good: bool = False) -> IncomingDossier:
    """A dossier as intake stores it: with what was found while it lay open."""
    plain = incoming(number, valid)
    agreed = agreement().round("advice")
    dossier = read(plain.content.replace(KEY.encode(), las_key.encode()))
    found = examine(dossier, profile="POVO", today=date(2027, 1, 12), expected=expected_in("advice", agreed.categories))
    if is_good:
        found = replace(found, findings=[])
    return replace(plain, las_key=las_key, record=record_of(dossier, found))


def found(ledger: Ledger) -> dict[str, set[str]]:
    """Return the rules that were broken, per dossier."""
    with ledger.unit("alfa", "test") as unit:
        out: dict[str, set[str]] = {}
        for dossier, rule in unit.rows("select dossier::text, rule from overstap.finding"):
            out.setdefault(dossier, set()).add(rule)
        return out


def test_no_dossier_is_opened_to_be_judged(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    monkeypatch.setattr(region.records, "content_of", lambda *given: opened.append(given))
    supply(ledger, taken_in("999990019", "999990019", "LN-1"))
    judge(ledger, NOW)
    first = found(ledger)
    supply(ledger, taken_in("999990020", "999990020", "LN-2"))
    judge(ledger, NOW + timedelta(hours=1))
    assert opened == []
    assert len(found(ledger)) == 2
    assert first.items() <= found(ledger).items()


def test_what_intake_found_is_what_judging_finds(ledger: Ledger) -> None:
    supply(ledger, taken_in("999990019", "999990018", "LN-1"))
    judge(ledger, NOW)
    (by_record,) = found(ledger).values()
    assert "OV-ID-01" in by_record
    supply(ledger, replace(taken_in("999990020", "999990018", "LN-1"), record=b""))
    judge(ledger, NOW + timedelta(hours=1))
    one, other = found(ledger).values()
    assert one ^ other <= {"OV-RG-01", "OV-RG-03", "OV-RG-04"}


def test_a_new_dossier_is_compared_with_those_that_were_judged_before(ledger: Ledger) -> None:
    """The same leerlingid twice at a school: found when the second comes, though the first is not opened."""
    supply(ledger, taken_in("999990019", "999990019", is_good=True))
    judge(ledger, NOW)
    assert "OV-RG-03" not in set().union(*found(ledger).values())
    supply(ledger, taken_in("999990020", "999990020", is_good=True))
    judge(ledger, NOW + timedelta(hours=1))
    assert "OV-RG-03" in set().union(*found(ledger).values())


def test_a_record_by_other_rules_is_made_anew(ledger: Ledger) -> None:
    one = taken_in("999990019", "999990018")
    supply(ledger, replace(one, record=one.record.replace(b'"made_by":"', b'"made_by":"x')))
    judge(ledger, NOW)
    assert "OV-ID-01" in set().union(*found(ledger).values())


def test_a_record_from_before_rows_were_kept_by_column_is_made_anew(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its facts are read as they are; what was found, and the rows, have another form."""
    one = taken_in("999990019", "999990018", "LN-1")
    kept = json.loads(one.record)
    monkeypatch.setattr(examination, "_FORMAT", 1)
    forget_versions()
    made_by = examination.ruleset_id("POVO", expected_in("advice", agreement().round("advice").categories))
    monkeypatch.undo()
    forget_versions()
    rows = {"pupil": [["dossier/huidigeschool/leerling", {"bsn": "999990018"}]]}
    kept["judged"] = {"made_by": made_by, "findings": [], "version": "2019.1", "rows": rows}
    before = json.dumps(kept, ensure_ascii=False).encode()
    assert DossierFacts.from_record(before) == DossierFacts.from_record(one.record)
    supply(ledger, replace(one, record=before))
    judge(ledger, NOW)
    assert "OV-ID-01" in set().union(*found(ledger).values())


def test_a_version_without_a_record_gets_one_when_it_is_asked_for(ledger: Ledger) -> None:
    supply(ledger, incoming("999990019", "999990019"))
    with ledger.unit("alfa", "test") as unit:
        (ref,) = [one.ref for one in records.current(unit, ROUND, ["supplied"], damaged=lambda *_: None)]
        facts = records.of(unit, [ref], DossierFacts)[ref]
    assert (facts.las_key, facts.number, facts.oso_version) == (KEY, "999990019", "2019.1")
    with ledger.unit("alfa", "test") as unit:
        assert unit.one("select count(*) from overstap.dossier_record") == (1,)
        assert KEY not in repr(facts)
        assert dossiers.waiting_for_verdict(unit, ROUND) == 1
