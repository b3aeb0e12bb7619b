"""Results that a supplier with a right certificate should not send: values that a store or a reader chokes on."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from overstap.ledger import Ledger
from overstap.ledger.dossiers import pupil_tests
from overstap.test_chain.endpoint import RESULTS

from .conftest import REGION, SUPPLIER, WAITS, YEAR, client_context
from .test_results import PARTIES, known, result, send

__all__ = ["send"]
Send = Callable[..., httpx.Response]


def changed(key: str, **scores: Any) -> dict[str, Any]:
    said = result(key)
    said["resultatenscores"].update(scores)
    return said


@pytest.mark.parametrize("year", ["2026\x002027", "\ud8002026-27", "2026-\udfff", 2026, None, [YEAR], {"Vis": 1}])
def test_a_school_year_that_is_none_is_no_valid_content(
    send: Send, keys: list[str], opened: Ledger, caplog: pytest.LogCaptureFixture, year: object
) -> None:
    with caplog.at_level(logging.DEBUG):
        for said in (result(keys[0], schooljaar=year), result(keys[0], "onbekend", schooljaar=year)):
            answer = send(said)
            assert (answer.status_code, list(answer.json())) == (422, ["melding"])
    assert not [one for one in caplog.records if one.exc_info]
    assert keys[0] not in caplog.text
    assert known(opened) == {}


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00", "1990-05-05T00:00:00Z", "9999-12-31T23:59:59-23:59"]
)
def test_a_moment_that_cannot_be_is_no_valid_content(send: Send, keys: list[str], opened: Ledger, moment: str) -> None:
    assert send(result(keys[0], datumtijd=moment)).status_code == 422
    assert known(opened) == {}
    with opened.unit(REGION, "test") as unit:
        assert list(pupil_tests.known(unit, YEAR)) == []
    assert send(result(keys[0])).status_code == 202


@pytest.mark.parametrize("test", [{"Noor": "Vis"}, ["ICE"], 5, None, True, "ICE van Noor Vis"])
def test_the_name_of_a_test_is_a_text(send: Send, keys: list[str], opened: Ledger, test: object) -> None:
    assert send(changed(keys[0], toetsdefinitie=test)).status_code == 422
    assert known(opened) == {}


def test_a_result_names_one_pupil_and_one_advice(send: Send, keys: list[str], opened: Ledger) -> None:
    two = [{"label": "LAS-key", "onderwijsdeelnemerID": key} for key in keys[:2]]
    assert send(changed(keys[0], deelnemerref=two)).status_code == 422
    advices = [{"label": "Toetsadvies", "waarde": one} for one in ("vwo", "vmbo-bb")]
    assert send(changed(keys[0], resultaten={"resultaten": advices})).status_code == 422
    assert known(opened) == {}
    same = [{"label": "LAS-key", "onderwijsdeelnemerID": keys[0]}] * 2
    assert send(changed(keys[0], deelnemerref=same)).status_code == 202


def test_numbers_out_of_range_change_nothing(send: Send, keys: list[str], opened: Ledger) -> None:
    for number in (b"1e400", b"-1e400", b"NaN", b"Infinity", b"0.1e-9999"):
        body = json.dumps(result(keys[0])).encode().replace(b'"afname-1"', number)
        assert number in body
        assert send(body).status_code in (202, 422)
    assert send(b"1e400", PARTIES).status_code == 422


def test_no_address_leads_elsewhere(endpoint: int, trust_folder: Path, opened: Ledger) -> None:
    context = client_context(trust_folder, f"conductor/{SUPPLIER}/tls-1")
    with httpx.Client(verify=context, trust_env=False, timeout=WAITS) as client:
        for path in (
            f"{RESULTS}/",
            "/v1/requests/",
            "/health/",
            f"/{RESULTS}",
            "/doorstroomtoets/v1.1/leerlingrapport/1",
        ):
            answer = client.post(f"https://127.0.0.1:{endpoint}{path}", headers={"Host": "evil.example"})
            assert (answer.status_code, "location" in answer.headers) == (404, False)
