"""The messages of pull: their vectors, their schemas, and that a fault says nothing of what was asked."""

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path

import jsonschema
import pytest

from overstap.delivery.desk.identity import is_of
from overstap.envelope import pull_messages
from overstap.envelope.message_ids import message_id
from overstap.envelope.pull_messages import DossierRequest, MessageError, NoDossier, Notification
from overstap.oso.facts import facts_of
from overstap.oso.reading import read
from overstap_tools.project import PROJECT

VECTORS, SCHEMAS = PROJECT / "tests" / "vectors" / "pull", PROJECT / "include" / "schemas" / "pull"
READ = {
    "request": pull_messages.read_request,
    "answer": pull_messages.read_answer,
    "notification": pull_messages.read_notification,
}
GOOD, BAD = sorted((VECTORS / "good").iterdir()), sorted((VECTORS / "bad").iterdir())
BEYOND_A_SCHEMA = {"request.deep", "request.field_twice", "request.not_json", "request.not_utf8", "request.too_long"}


def by_schema(path: Path) -> bool:
    schema = json.loads((SCHEMAS / f"{path.name.split('.')[0]}.schema.json").read_text())
    return jsonschema.Draft202012Validator(schema).is_valid(json.loads(path.read_text()))


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_ones_are_read_and_written_again(path: Path) -> None:
    found = READ[path.name.split(".")[0]](path.read_bytes())
    assert by_schema(path)
    if isinstance(found, DossierRequest | Notification):
        assert json.loads(found.to_bytes()) == json.loads(path.read_text())
    else:
        assert json.loads(pull_messages.answer_bytes(*found)) == json.loads(path.read_text())


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_ones_are_refused_without_a_word_of_them(path: Path) -> None:
    with pytest.raises(MessageError) as told:
        READ[path.name.split(".")[0]](path.read_bytes())
    assert told.value.__cause__ is None
    assert "99999" not in str(told.value)
    if path.stem not in BEYOND_A_SCHEMA:
        assert not by_schema(path)


def test_a_request_shows_nobody() -> None:
    request = DossierRequest(
        request_id=message_id(datetime.now(UTC), bytes(10)),
        pupil_number="999999990",
        surname="de Vries",
        birth_date=date(2014, 11, 3),
        sender="99AB00",
        oso_versions=("2019.1",),
    )
    assert not re.search("99999|Vries|2014", repr(request))


def test_every_answer_is_documented() -> None:
    text = (PROJECT / "docs" / "pull.md").read_text(encoding="utf-8")
    for answer in NoDossier:
        assert f"`{answer}`" in text


DOSSIER = """<dossier xmlns="http://www.edustandaard.nl/oso_gegevensset/2019/dossier"><huidigeschool><leerling>
<voorvoegsel>van ’t</voorvoegsel><achternaam>Zañd-Şeker</achternaam>{birth}</leerling></huidigeschool></dossier>"""


@pytest.mark.parametrize(
    ("surname", "born", "is_pupil"),
    [
        ("Zañd-Şeker", date(2014, 11, 3), True),
        ("van 't zand seker", date(2014, 11, 3), True),
        ("ZAND-SEKER, VAN T", date(2014, 11, 3), True),
        ("Zand", date(2014, 11, 3), False),
        ("Zañd-Şeker", date(2014, 11, 4), False),
        ("", date(2014, 11, 3), False),
    ],
)
def test_a_pupil_by_name_and_day(surname: str, born: date, is_pupil: bool) -> None:
    found = read(DOSSIER.format(birth="<geboortedatum>2014-11-03</geboortedatum>").encode())
    assert is_of(facts_of(found), surname=surname, birth_date=born) is is_pupil


def test_a_dossier_with_the_month_of_birth_alone() -> None:
    found = read(DOSSIER.format(birth="<geboortemaand>2014-11</geboortemaand>").encode())
    assert is_of(facts_of(found), surname="Zand Seker", birth_date=date(2014, 11, 30))
    assert not is_of(facts_of(found), surname="Zand Seker", birth_date=date(2014, 12, 1))
