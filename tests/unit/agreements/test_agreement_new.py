"""Tests of composing next year's agreement: dates by last year's habits, what is left over, and the command."""

import itertools
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from agreement_files import GOOD, write
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from overstap.agreements.checks import check_agreements
from overstap.agreements.drafting.composition import LastYear, NewAgreement, NewAgreementRequest, compose
from overstap.agreements.drafting.left_over import left_over
from overstap.agreements.drafting.shifting import YearShift
from overstap.agreements.drafting.yaml_writing import block_text, scalar_text
from overstap.agreements.load import agreement_paths, load_agreement
from overstap.agreements.model import Agreement, Coordinator, HolidayRegion, RoundKind
from overstap.agreements.national import national_year
from overstap.agreements.yaml_core import CoreLoader
from overstap.cli import app
from overstap.errors import OverstapError
from overstap.resources import INCLUDE

TODAY = date(2026, 11, 30)
NEW = Coordinator(account="n.nieuw", name="N. Nieuw", email="n.nieuw@scholen-voorbeeld.nl")
MIDDLE = HolidayRegion.MIDDLE


def read(text: str) -> Any:
    return yaml.load(text, Loader=CoreLoader)  # noqa: S506 (a safe loader)


def request(last: LastYear, school_year: str = "2027-2028", *people: Coordinator) -> NewAgreementRequest:
    agreement = last.agreement
    coordinators = people or agreement.coordinators
    return NewAgreementRequest(agreement.region, agreement.name, school_year, agreement.holiday_region, coordinators)


def written(new: NewAgreement, folder: Path, region: str, school_year: str) -> Path:
    path = write(folder, new.text, region, school_year)
    if new.schools is not None:
        (path.parent / f"{school_year}-schools.csv").write_bytes(new.schools)
    return path


def wall(agreement: Agreement, kind: RoundKind, name: str) -> str:
    return f"{getattr(agreement.round(kind).milestones, name):%Y-%m-%d %H:%M}"


def test_moments_keep_their_distance_in_school_days_to_the_nearest_national_date(tmp_path: Path) -> None:
    last = LastYear.read(write(tmp_path))
    new = compose(request(last), last, today=TODAY)
    agreement = load_agreement(written(new, tmp_path, "voorbeeld", "2027-2028"))
    # The school day after the results of the test (15 March), in 2027 and in 2028 both a Tuesday to Thursday
    assert wall(agreement, RoundKind.ADVICE, "data_due") == "2028-03-16 12:00"
    # 25 March 2028, the first day of the registration week, is a Saturday: the school day after it
    assert wall(agreement, RoundKind.ADVICE, "delivers") == "2028-03-27 08:00"
    # The first day of provisional advice was a Sunday in 2027: its first school day is the same one in 2028
    assert wall(agreement, RoundKind.PRE_REGISTRATION, "opens") == "2028-01-10 08:00"
    sources = agreement.round(RoundKind.ADVICE).sources
    assert sources["data_due"] == (
        "assumed: 1 schooldag na de uiterste dag van de uitslag van de toets (woensdag 15 maart 2028), "
        "zoals in 2026-2027"
    )
    assert set(sources) == set(RoundKind.ADVICE.milestones)
    # Other dates of a region stay on a national date, also where that is a Saturday
    assert f"{agreement.occasions[0].starts:%Y-%m-%d %H:%M}" == "2028-03-25 08:00"


@pytest.mark.parametrize("region", sorted(path.parent.name for path in agreement_paths(INCLUDE / "regions")))
@pytest.mark.parametrize("first", [2027, 2029, 2032])
def test_every_example_gives_an_agreement_without_errors_for_later_years(
    region: str, first: int, tmp_path: Path
) -> None:
    school_year = f"{first}-{first + 1}"
    last = LastYear.read(INCLUDE / "regions" / region / "2026-2027.yaml")
    new = compose(request(last, school_year), last, today=TODAY)
    path = written(new, tmp_path, region, school_year)
    [checked] = check_agreements([path])
    assert [found for found in checked.findings if found.severity == "error"] == []
    agreement = load_agreement(path)
    assert not agreement.example
    assert agreement.schools == last.agreement.schools
    national = national_year(school_year)
    for kind, agreed in agreement.rounds.items():
        stated = read(new.text)["rounds"][kind.value]
        assert tuple(stated["milestones"]) == kind.milestones
        assert agreed.categories == last.agreement.round(kind).categories
        for name in kind.milestones:
            moment = getattr(agreed.milestones, name)
            assert national.is_school_day(moment.date(), agreement.holiday_region), (kind, name, moment)
    moments = [occasion.starts for occasion in agreement.occasions]
    assert moments == sorted(moments)


def test_moments_stay_in_order_where_holidays_take_the_days_between() -> None:
    before, after = national_year("2026-2027"), national_year("2029-2030")
    shift = YearShift(before, after, MIDDLE)
    # 24 school days from the registration week to here in 2027; in 2030 Easter is three weeks later
    then = {"a": datetime.fromisoformat("2027-04-21 16:00"), "b": datetime.fromisoformat("2027-04-22 08:00")}
    found, late = shift.in_order(then, {name: shift.shifted(moment) for name, moment in then.items()}, ["a", "b"])
    assert found["a"] < found["b"]
    assert late in ([], ["b"])
    for earlier, later in itertools.pairwise([date(2027, 1, 11), date(2027, 3, 16), date(2027, 6, 14)]):
        assert (
            shift.shifted(datetime.combine(earlier, datetime.min.time())).wall
            < shift.shifted(datetime.combine(later, datetime.min.time())).wall
        )


def test_a_review_that_would_be_too_short_closes_later(tmp_path: Path) -> None:
    text = GOOD.replace("categories: [toetsresultaten, verzuim]", "review_school_days: 9\n    categories: [verzuim]")
    text = text.replace("data_due: 2027-03-16 12:00", "data_due: 2027-03-11 12:00").replace(
        "review_opens: 2027-03-16 14:00", "review_opens: 2027-03-12 08:00"
    )
    last = LastYear.read(write(tmp_path, text))
    new = compose(request(last, "2029-2030"), last, today=TODAY)
    path = written(new, tmp_path, "voorbeeld", "2029-2030")
    assert not [found for found in check_agreements([path])[0].findings if found.code == "AGREEMENT-117"]
    assert load_agreement(path).round(RoundKind.ADVICE).review_school_days == 9


def test_what_a_national_file_says_is_taken_where_the_region_stated_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "calendar"
    folder.mkdir()
    national = INCLUDE / "calendar" / "2026-2027.yaml"
    (folder / national.name).write_text(national.read_text())
    later = national.read_text().replace("2026-2027", "@").replace("2027-", "2028-").replace("2026-", "2027-")
    later = later.replace("@", "2027-2028")
    (folder / "2027-2028.yaml").write_text(
        later.replace("receipts_due: 2028-04-06 17:00", "receipts_due: 2028-04-07 17:00")
    )
    text = GOOD.replace("      receipts_due: 2027-04-06 17:00\n", "")
    last = LastYear.read(write(tmp_path, text), folder)
    new = compose(request(last), last, today=TODAY, national=folder)
    agreement = load_agreement(written(new, tmp_path, "voorbeeld", "2027-2028"), folder)
    assert wall(agreement, RoundKind.ADVICE, "receipts_due") == "2028-04-07 17:00"
    assert agreement.round(RoundKind.ADVICE).sources["receipts_due"] == "assumed: het landelijke bestand"


def test_what_is_left_over_is_told(tmp_path: Path) -> None:
    text = GOOD.replace("holiday_region", "example: true\nholiday_region")
    last = LastYear.read(write(tmp_path, text))
    kept = compose(request(last), last, today=TODAY)
    agreement = load_agreement(written(kept, tmp_path, "voorbeeld", "2027-2028"))
    said = [note.sentence_nl for note in left_over(agreement, last.agreement, [(RoundKind.ADVICE, "delivers")])]
    assert said == [
        "De afspraken van 2026-2027 waren een voorbeeld: scholen, adressen en namen daaruit zijn verzonnen.",
        "C. Jansen (c.jansen) was in 2026-2027 ook coördinator. Vraag na of dat zo blijft.",
        "2 e-mailadressen van scholen zijn hetzelfde als in 2026-2027. Vraag de scholen of ze nog kloppen.",
        "Advies: levering begint kon niet even ver van de landelijke data blijven als in 2026-2027. "
        "Kijk of het zo past.",
        "12 momenten zijn berekend en niet afgesproken. Lees ze na in de agenda van uw regio.",
    ]
    schools = b"id,name,kind,contact,supplies,receives\n99AA00,Nieuw,PO,a@nieuw-voorbeeld.nl,drop_folder,\n"
    other = compose(NewAgreementRequest("voorbeeld", "V", "2028-2029", None, (NEW,), schools), last, today=TODAY)
    agreement = load_agreement(written(other, tmp_path, "voorbeeld", "2028-2029"))
    assert agreement.round(RoundKind.ADVICE).gate_answered_by == (), "an old coordinator answers no gate"
    said = [note.sentence_nl for note in left_over(agreement, last.agreement)]
    assert not any("C. Jansen" in one for one in said)
    gone = "2 scholen van 2026-2027 doen niet meer mee: De Voorbeeldschool (99ZZ00) en Het Voorbeeldcollege (98ZZ00)."
    assert gone in said
    assert "1 school deed in 2026-2027 niet mee: Nieuw (99AA00)." in said


ALL = """second_factor: required
pdf_attachments: flattened
four_eyes: [release, erase]
own_codes:
  - {list: '42', code: '0099', label: Toets zonder code}
comparisons:
  - {region: leiden, at: ['2027-04-16 12:00']}
  - {region: delft, conductor: '00000003123456780000', at_most: 6000}
"""


def test_what_the_region_agreed_besides_rounds_is_not_lost(tmp_path: Path) -> None:
    """Each key: what two persons decide, the second factor, and with whom the region compares most of all."""
    last = LastYear.read(write(tmp_path, GOOD + ALL))
    agreement = load_agreement(written(compose(request(last), last, today=TODAY), tmp_path, "voorbeeld", "2027-2028"))
    other = {"school_year", "rounds", "occasions", "comparisons", "example"}
    for name in set(Agreement.model_fields) - other:
        assert getattr(agreement, name) == getattr(last.agreement, name), name
    assert agreement.four_eyes
    leiden, delft = agreement.comparisons
    assert [f"{moment:%Y-%m-%d %H:%M}" for moment in leiden.at] == ["2028-04-20 12:00"]
    assert (delft.conductor, delft.at_most, delft.at) == ("00000003123456780000", 6000, ())
    said = [one.sentence_nl for one in left_over(agreement, last.agreement)]
    assert any("regio leiden en delft" in one for one in said)
    assert any(one.startswith("1 eigen code komt uit 2026-2027") for one in said)


def test_without_last_year_the_national_rounds_are_written_out(tmp_path: Path) -> None:
    schools = (INCLUDE / "regions" / "demo" / "2026-2027-schools.csv").read_bytes()
    asked = NewAgreementRequest("nieuw", "Nieuw: - {x: 1} # 'oud'", "2026-2027", MIDDLE, (NEW,), schools)
    new = compose(asked, None, today=TODAY)
    agreement = load_agreement(written(new, tmp_path, "nieuw", "2026-2027"))
    assert agreement.name == "Nieuw: - {x: 1} # 'oud'"
    assert list(agreement.rounds) == [RoundKind.PRE_REGISTRATION, RoundKind.ADVICE, RoundKind.PLACEMENT]
    assert wall(agreement, RoundKind.ADVICE, "delivers") == "2027-03-25 08:00"
    with pytest.raises(OverstapError, match="AGREEMENT-031"):
        compose(NewAgreementRequest("nieuw", "N", "2026-2027", MIDDLE, (NEW,)), None, today=TODAY)
    with pytest.raises(OverstapError, match="AGREEMENT-031"):
        compose(NewAgreementRequest("nieuw", "N", "2026-2027", MIDDLE, (NEW,), b"brin;naam\n1;2\n"), None, today=TODAY)


@given(st.text())
@example("\x85")
@example("a\u2028b\u2029 c\x85")
def test_every_text_is_read_back_as_it_was(text: str) -> None:
    try:
        found = read(block_text("key", {"a": text, "b": [text, "x"]}))
    except yaml.reader.ReaderError:  # such as half a surrogate: no YAML can hold it
        assert any(0xD800 <= ord(sign) <= 0xDFFF for sign in text)
        return
    assert found == {"key": {"a": text, "b": [text, "x"]}}
    if text.isprintable():
        line = scalar_text(text)
        assert "\n" not in line
        assert read(f"key: {line}") == {"key": text}


COMMAND = ["agreement", "new", "--region", "voorbeeld", "--school-year", "2027-2028"]


def test_without_a_terminal_the_command_says_which_options_are_missing(tmp_path: Path) -> None:
    write(tmp_path)
    done = CliRunner().invoke(app, [*COMMAND, "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "--coordinator" in done.stderr
    assert "--schools" not in done.stderr, "those of last year are there"
    done = CliRunner().invoke(app, ["agreement", "new", "--out", str(tmp_path)])
    for flag in ("--region", "--school-year", "--name", "--holiday-region", "--coordinator", "--schools"):
        assert flag in done.stderr
    assert list(agreement_paths(tmp_path)) == [tmp_path / "voorbeeld" / "2026-2027.yaml"]


def test_the_command_writes_once_and_overwrites_nothing(tmp_path: Path) -> None:
    write(tmp_path)
    options = ["--out", str(tmp_path), "--coordinator", f"n.nieuw=N. Nieuw <{NEW.email}>"]
    done = CliRunner().invoke(app, [*COMMAND, *options])
    assert done.exit_code == 0, done.output
    path = tmp_path / "voorbeeld" / "2027-2028.yaml"
    text = path.read_text()
    assert load_agreement(path).coordinators == (NEW,)
    assert "De controle vindt geen fouten." in done.stdout
    assert "AGREEMENT-161" in done.stdout, "what is assumed is told"
    again = CliRunner().invoke(app, [*COMMAND, *options, "--name", "Anders"])
    assert isinstance(again.exception, OverstapError)
    assert again.exception.code == "AGREEMENT-030"
    assert path.read_text() == text


def test_what_a_person_has_to_mend_is_told_line_by_line(tmp_path: Path) -> None:
    write(tmp_path)
    schools = tmp_path / "lijst.csv"
    schools.write_text(
        "id;name;kind;contact;supplies;receives\n99ZZ00;A;PO;a@b-voorbeeld.nl;drop_folder;\n98ZZ00;B;VO;;;\n"
    )
    options = ["--out", str(tmp_path), "--schools", str(schools), "--coordinator", f"n.nieuw=N. Nieuw <{NEW.email}>"]
    done = CliRunner().invoke(app, [*COMMAND, *options])
    assert done.exit_code == 1
    assert "2027-2028-schools.csv regel 3" in done.stdout
    assert "AGREEMENT-144" in done.stdout


def test_in_a_terminal_the_command_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    monkeypatch.setattr("overstap.cli._new_agreement._is_terminal", lambda: True)
    answers = ["voorbeeld", "2027", "2027-2028", "n", "n.nieuw", "N. Nieuw", "geen adres", NEW.email, "", ""]
    done = CliRunner().invoke(app, ["agreement", "new", "--out", str(tmp_path)], input="\n".join(answers) + "\n")
    assert done.exit_code == 0, done.output
    assert "Blijft C. Jansen (c.jansen, c.jansen@scholen-voorbeeld.nl) coördinator?" in done.output
    assert load_agreement(tmp_path / "voorbeeld" / "2027-2028.yaml").coordinators == (NEW,)


def test_a_terminal_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["agreement", "new", "--region", "../x", "--school-year", "2027-2028"])
    assert done.exit_code == 2
