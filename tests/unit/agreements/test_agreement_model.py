"""What an agreement file may say, and the place and words of what it may not."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from overstap.agreements import Agreement, Milestones, load_agreement, load_all
from overstap.agreements.load import find_agreement
from overstap.agreements.model.lines import OneLine, as_one_line
from overstap.errors import OverstapError
from overstap.simulation.synthetic.agreement import agreement_of, write_agreement
from overstap.simulation.synthetic.region import make_region

MOMENTS = list(Milestones.model_fields)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    region = make_region(1, 8, 4, 2, today=date(2026, 11, 23), name="alfa")
    return write_agreement(agreement_of(region), tmp_path)


def changed(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def advice(data: dict[str, Any]) -> dict[str, Any]:
    return data["rounds"]["advice"]


def test_a_file_as_written_reads_back_as_agreed(path: Path) -> None:
    region = make_region(1, 8, 4, 2, today=date(2026, 11, 23), name="alfa")
    found = load_agreement(path)
    assert found.digest == load_agreement(path).digest
    assert [school.id for school in found.schools] == [one.id for one in (*region.primary, *region.secondary)]
    assert found.round_id("advice") == "alfa.2026-2027.advice"
    assert found.round("advice").milestones.delivers == datetime(2027, 3, 25, 7, 0, tzinfo=UTC)  # 08:00 on the wall
    assert Agreement.model_validate_json(found.model_dump_json()) == found


def test_every_change_gives_another_digest(path: Path) -> None:
    before = load_agreement(path).digest
    changed(path, lambda data: advice(data).update(receivers="placed"))
    assert load_agreement(path).digest != before


BAD: dict[str, Callable[[dict[str, Any]], object]] = {
    "an unknown key": lambda data: data.update(holidays=True),
    "an unknown key in a round": lambda data: advice(data).update(reciever="placed"),
    "an unknown milestone": lambda data: advice(data)["milestones"].update(delivery="2027-03-25 08:00"),
    "no address for reports": lambda data: data["schools"][0].pop("contact"),
    "moments out of order": lambda data: advice(data)["milestones"].update(data_due="2027-04-12 17:00"),
    "the hour that spring skips (F31)": lambda data: advice(data)["milestones"].update(delivers="2027-03-28 02:30"),
    "a day that does not exist": lambda data: advice(data)["milestones"].update(delivers="2027-02-29 08:00"),
    "an unknown stage": lambda data: advice(data).update(receivers="enrolled"),
    "another profile": lambda data: advice(data).update(profile="XXVO"),
    "years that do not follow": lambda data: data.update(school_year="2026-2028"),
    "a region with capitals": lambda data: data.update(region="Alfa"),
    "no coordinator": lambda data: data.update(coordinators=[]),
    "a gate for a stranger": lambda data: advice(data).update(gate_answered_by=["stranger"]),
    "a school twice": lambda data: data["schools"].append(data["schools"][0]),
    "a school without its branch": lambda data: data["schools"][0].update(id="99AA"),
    "a primary school that does not supply": lambda data: data["schools"][0].pop("supplies"),
    "a secondary school that does not receive": lambda data: data["schools"][-1].pop("receives"),
    "an endpoint without TLS": lambda data: data["schools"][-1]["receives"].update(url="http://vo.example.org"),
    "an unknown way": lambda data: data["schools"][0].update(supplies={"way": "carrier_pigeon"}),
    "a file outside the folder": lambda data: data.update(registrations={"file": "../andere.csv"}),
}


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.fault("F31") if "F31" in case else ()) for case in BAD]
)
def test_what_cannot_be_agreed_is_refused_with_the_file(case: str, path: Path) -> None:
    changed(path, BAD[case])
    with pytest.raises(OverstapError, match=r"AGREEMENT-001.*2026-2027\.yaml"):
        load_agreement(path)


@pytest.mark.fault("F32")
def test_the_hour_that_autumn_repeats_needs_its_offset_to_be_told_apart(path: Path) -> None:
    """F32: 02:30 comes twice on 25 October 2026; with an offset there is no doubt."""
    moments = {name: f"2026-10-26 {9 + place:02}:00" for place, name in enumerate(MOMENTS)}
    found = []
    for offset in ("+02:00", "+01:00"):
        changed(
            path,
            lambda data, offset=offset: advice(data)["milestones"].update(
                moments | {"opens": f"2026-10-25 02:30{offset}"}
            ),
        )
        found.append(load_agreement(path).round("advice").milestones.opens)
    assert found[1] - found[0] == timedelta(hours=1)


def test_equal_moments_are_in_order(path: Path) -> None:
    changed(path, lambda data: advice(data)["milestones"].update(dict.fromkeys(MOMENTS, "2027-03-25 08:00")))
    assert load_agreement(path).round("advice").milestones.opens.astimezone(UTC).hour == 7


@pytest.mark.parametrize(
    "content", [b"", b"[", b"- 1\n- 2\n", b"\xff\xfe\x00", b"!!python/object/apply:os.system [ls]"]
)
def test_what_is_no_agreement_is_refused_and_others_are_read(content: bytes, path: Path, tmp_path: Path) -> None:
    other = tmp_path / "beta" / "2026-2027.yaml"
    other.parent.mkdir()
    other.write_bytes(content)
    good, broken = load_all(tmp_path)
    assert [agreement.region for agreement in good] == ["alfa"]
    assert [error.code for error in broken] == ["AGREEMENT-001"]


def test_a_file_at_another_regions_place_is_refused(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "beta" / path.name
    other.parent.mkdir()
    other.write_bytes(path.read_bytes())
    with pytest.raises(OverstapError, match="AGREEMENT-001"):
        load_agreement(other)


def test_what_is_not_there_is_told_by_its_code(path: Path, tmp_path: Path) -> None:
    found = load_agreement(path)
    with pytest.raises(OverstapError, match=r"AGREEMENT-002.*feedback"):
        found.round("feedback")
    with pytest.raises(OverstapError, match=r"AGREEMENT-004.*99ZZ99"):
        found.school("99ZZ99")
    with pytest.raises(OverstapError, match=r"AGREEMENT-003.*beta"):
        find_agreement(tmp_path, "beta", "2026-2027")
    assert find_agreement(tmp_path, "alfa", "2026-2027") == found


def test_a_name_that_was_typed_elsewhere_becomes_one_line() -> None:
    """A guest school is a school of the agreement under the name that somebody typed; no name ends a round."""
    for typed in ("De\x7f Kim", "De\x85Kim", "De\u2028 Kim", "De\x00Kim", "De\ud800 Kim", "  De  Kim "):
        assert as_one_line(typed) == "De Kim"
        assert TypeAdapter(OneLine).validate_python(as_one_line(typed)) == "De Kim"
