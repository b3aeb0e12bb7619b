"""Test advices: a table with refused rows, a provider's own export by a mapping, and messages of the public API."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from overstap.errors import OverstapError
from overstap.intake.mappings.model import Mapping
from overstap.intake.pupil_tests import API_VERSION, HEADER, OPTIONAL, read_result, read_tests
from overstap.ledger.rounds.refused_lists import RegionList
from overstap.rounds.refused_rows import Refusals
from overstap.simulation.synthetic.numbers import bsn

AT = datetime(2027, 3, 12, 9, tzinfo=UTC)


def table(*rows: str, header: str = ";".join((*HEADER, *OPTIONAL))) -> bytes:
    return "\r\n".join((header, *rows, "")).encode()


def test_rows_are_read_and_bad_ones_are_refused_with_their_line() -> None:
    found, refused = read_tests(
        table(
            f"{bsn(1)};99AA00;havo/vwo;IEP;;12-3-2027 10:00",
            f"{bsn(2)};99aa 00;;;Verhinderd;",
            f"{bsn(3)};99AA00;;;;",
            f"{bsn(4)};99AA00;vwo;;verhinderd;",
            f"{bsn(5)};99AA00;prima;;;",
            "123456789;99AA00;vwo;;;",
            f"{bsn(6)};AA;vwo;;;",
            f"{bsn(7)};99AA00;vwo;;;3/4/2027",
            "12;99AA00;vwo;;;",
        ),
        AT,
    )
    assert [(one.number, one.level, one.reason, one.test) for one in found] == [
        (bsn(1), "havo_vwo", "", "IEP"),
        (bsn(2), "", "prevented", ""),
    ]
    assert [one.stated_at for one in found] == [datetime(2027, 3, 12, 9, tzinfo=UTC), AT]
    assert [(one.label, one.code) for one in refused] == [
        ("regel 4", "INTAKE-122"),
        ("regel 5", "INTAKE-122"),
        ("regel 6", "INTAKE-122"),
        ("regel 7", "INTAKE-120"),
        ("regel 8", "INTAKE-121"),
        ("regel 9", "INTAKE-121"),
        ("regel 10", "INTAKE-120"),
    ]
    told = " ".join(f"{one.error.message_nl} {one.error.do_nl} {one.facts}" for one in refused)
    assert not any(number in told for number in ("123456789", *map(bsn, range(1, 8))))
    assert bsn(1) not in repr(found)


def test_another_header_is_told_without_the_line_of_the_file() -> None:
    with pytest.raises(OverstapError) as caught:
        read_tests(table(header=f"{bsn(1)};99AA00;vwo"), AT)
    assert caught.value.code == "INTAKE-123"
    assert bsn(1) not in str(caught.value)


def test_a_providers_own_columns_are_read_by_a_mapping() -> None:
    mapping = Mapping.model_validate(
        {
            "name": "toetsadviezen",
            "title": "Export van een toetsleverancier",
            "version": 1,
            "about": "tests",
            "columns": {
                "Nummer": {"field": "leerlingnummer"},
                "Advies": {"field": "toetsadvies"},
            },
            "constants": {"basisschool": "99AA00"},
        }
    )
    found, refused = read_tests(table(f"{bsn(1)};vmbo-kb", "x;havo", header="Nummer;Advies"), AT, mapping)
    assert [(one.number, one.level, one.primary_school) for one in found] == [(bsn(1), "kb", "99AA00")]
    assert [one.label for one in refused] == ["regel 3"]
    other = mapping.model_copy(update={"columns": {}})
    with pytest.raises(OverstapError, match="INTAKE-109"):
        read_tests(table(header="Nummer;Advies"), AT, other)


def message(**changes: Any) -> bytes:
    """A result as the example of the public description has it, with a LAS-key."""
    said: dict[str, Any] = {
        "datumtijd": "2027-03-12T11:44:00Z",
        "auteur": "Toetssysteem xyz",
        "versie": API_VERSION,
        "profiel": "Leerlingtoetsresultaat",
        "schooljaar": "2026-2027",
        "resultatenscores": {
            "id": "resultatenscores-abc123",
            "deelnemerref": [
                {"label": "ECK-iD", "onderwijsdeelnemerID": "eck"},
                {"label": "LAS-key", "onderwijsdeelnemerID": "LN-17"},
            ],
            "versie": "Definitief",
            "toetsdefinitie": "ICE",
            "afnamecontext": {"afname": {"id": "afname-abc123", "afnametijdstip": "2027-02-03T11:44:00Z"}},
            "resultaten": {
                "resultaten": [
                    {"label": "Referentieniveau", "toetseenheid": "REKENEN", "waarde": "1S"},
                    {"label": "Toetsadvies", "toetseenheid": "REKENEN", "waarde": "vwo"},
                    {"label": "Toetsadvies", "waarde": "havo"},
                ]
            },
        },
        "toets": {"label": "Doorstroomtoets", "id": "ICE", "naam": "IEP Doorstroomtoets"},
    }
    said["resultatenscores"] |= changes.pop("scores", {})
    return json.dumps(said | changes).encode()


def test_a_message_of_the_public_api_is_read_by_las_key_and_advice_of_the_whole_test() -> None:
    found = read_result(message())
    assert (found.las_key, found.level, found.test) == ("LN-17", "havo", "ICE")
    assert found.stated_at == datetime(2027, 3, 12, 11, 44, tzinfo=UTC)
    assert "LN-17" not in repr(found)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "INTAKE-124"),
        (b"[]", "INTAKE-124"),
        (b'"\xff"', "INTAKE-124"),
        (b"[" * 100_000, "INTAKE-124"),
        (message(versie="Doorstroomtoetsketen_v1.0"), "INTAKE-124"),
        (message(profiel="Toetsdeelnemers"), "INTAKE-124"),
        (message(datumtijd="gisteren"), "INTAKE-124"),
        (message(scores={"deelnemerref": [{"label": "ECK-iD", "onderwijsdeelnemerID": "x"}]}), "INTAKE-125"),
        (message(scores={"resultaten": {"resultaten": [{"label": "Referentieniveau", "waarde": "1F"}]}}), "INTAKE-126"),
        (message(scores={"resultaten": None}), "INTAKE-124"),
    ],
)
def test_what_is_no_such_message_is_refused_with_what_to_do(data: bytes, code: str) -> None:
    with pytest.raises(OverstapError) as caught:
        read_result(data)
    assert caught.value.code == code


def test_numbers_that_lost_their_zeros_are_read_and_told_by_row(caplog: pytest.LogCaptureFixture) -> None:
    found, refused = read_tests(table(f"{bsn(1)};99AA00;vwo;;;", "12345672;99AA00;havo;;;"), AT)
    assert refused == []
    assert [(one.number, one.is_restored) for one in found] == [(bsn(1), False), ("012345672", True)]
    told_of = Refusals(RegionList.TESTS)
    told_of.add_note("INTAKE-117", [one.line for one in found if one.is_restored], file=1)
    told_of.tell()
    [told] = [one.getMessage() for one in caplog.records]
    assert "INTAKE-117: Bij 1 toetsadvies ontbraken de nullen" in told
    assert told.endswith("(Regel 3.)")
    assert "12345672" not in told
    caplog.clear()
    told_of = Refusals(RegionList.TESTS)
    told_of.add_note("INTAKE-117", [one.line for one in found[:1] if one.is_restored], file=1)
    told_of.tell()
    assert caplog.records == []
