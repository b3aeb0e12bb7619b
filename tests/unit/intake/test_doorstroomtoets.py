"""The Doorstroomtoets API 1.1.0 as its public description has it: which calls there are, its message, its values."""

import copy
import json
from typing import Any

import doorstroomtoets
import pytest
import yaml

from overstap.errors import OverstapError
from overstap.intake.pupil_tests import API_VERSION, read_result
from overstap.oso.advice_order import level_of_text
from overstap.resources import INCLUDE


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    """It is not part of the repository."""
    return doorstroomtoets.described()


def message(description: dict[str, Any], label: str = "LAS-key") -> dict[str, Any]:
    """The description's own example of a result, with another kind of id of the pupil."""
    body = description["paths"]["/leerlingresultaat"]["post"]["requestBody"]["content"]["application/json"]
    said: dict[str, Any] = copy.deepcopy(body["examples"]["Leerlingresultaat"]["value"])
    said["datumtijd"] = said["datumtijd"].isoformat()
    said["resultatenscores"]["deelnemerref"][0]["label"] = label
    return said


def written(said: dict[str, Any]) -> bytes:
    return json.dumps(said, default=str).encode()


def test_no_call_fetches_results(description: dict[str, Any]) -> None:
    """Decisions 73 and 83: results come to who registered, and to nobody beside."""
    calls = {(verb.upper(), path) for path, verbs in description["paths"].items() for verb in verbs}
    assert calls == {
        ("POST", "/registreren"),
        ("POST", "/registreren-schooladviezen"),
        ("POST", "/leerlingresultaat"),
        ("GET", "/leerlingrapport/{rapportid}"),
    }
    report = description["paths"]["/leerlingrapport/{rapportid}"]["get"]["responses"]["200"]["content"]
    assert list(report) == ["application/pdf"]
    result = description["paths"]["/leerlingresultaat"]["post"]["responses"]
    assert all(
        one["content"]["application/json"]["schema"]["$ref"].endswith("Ontvangstmelding") for one in result.values()
    )


def parameter(description: dict[str, Any], path: str, name: str) -> str:
    [verbs] = description["paths"][path].values()
    [said] = [one["description"] for one in verbs["parameters"] if one["name"] == name]
    return str(said)


def test_results_go_to_whoever_registered_and_every_call_tells_receipt_alone(description: dict[str, Any]) -> None:
    """Decision 73, call by call: who sends, where results go, and that nothing is asked for but a report."""
    assert "toetsleverancier opgeslagen" in parameter(description, "/registreren", "edu-from")
    assert 'komt uit de "edu-from" query parameter' in parameter(description, "/leerlingresultaat", "edu-to")
    senders = {path: parameter(description, path, "edu-from") for path in description["paths"]}
    assert [path for path, said in senders.items() if "toetsleverancier het bericht verzendt" in said] == [
        "/leerlingresultaat"
    ]
    assert all("LAS-leverancier" in said for path, said in senders.items() if path != "/leerlingresultaat")
    for path in ("/registreren", "/registreren-schooladviezen", "/leerlingresultaat"):
        answers = description["paths"][path]["post"]["responses"].values()
        assert {one["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2] for one in answers} == {
            "Ontvangstmelding"
        }


def test_the_example_of_a_result_is_read(description: dict[str, Any]) -> None:
    found = read_result(written(message(description)))
    assert (found.las_key, found.level, found.test) == ("leerling-abc123", "vwo", "ICE")
    assert found.stated_at.isoformat() == "2025-07-02T11:44:00+00:00"
    with pytest.raises(OverstapError) as refused:
        read_result(written(message(description, "ECK-iD")))
    assert refused.value.code == "INTAKE-125"
    assert description["components"]["schemas"]["Leerlingresultaat"]["properties"]["versie"]["enum"] == [API_VERSION]


def test_every_advice_of_the_api_has_a_level(description: dict[str, Any]) -> None:
    values = description["components"]["schemas"]["Schooladviestype_enum"]["enum"]
    order = yaml.safe_load((INCLUDE / "schemas" / "oso" / "advice-order.yaml").read_text(encoding="utf-8"))
    assert sorted(value for level in order.values() for value in level["api"]) == sorted(values)
    assert [one for one in values if level_of_text(one) is None] == []
