"""Each mistake in an otherwise good agreement gives its own code, at its own line, and no other."""

import json
import re
from pathlib import Path

import pytest
import yaml
from agreement_files import GOOD, line_of, write
from typer.testing import CliRunner

from overstap.agreements import load_agreement
from overstap.agreements.checks import check_agreements
from overstap.agreements.checks.people import read_register
from overstap.agreements.findings import WARNINGS, AgreementSeverity
from overstap.agreements.source_positions import read_source
from overstap.agreements.yaml_core import CoreLoader
from overstap.cli import app
from overstap.errors import OverstapError, sentences

DUE = "data_due: 2027-03-16 12:00"
CLOSES = "review_closes: 2027-03-24 16:00"
DELIVERS = "delivers: 2027-03-25 08:00"
RECEIPTS = "receipts_due: 2027-04-06 17:00"
PUSH = '    receives: {way: push, url: "https://vo.example.org/overstap"}\n'
RESULT = "  - {name: Uitslag, kind: admission, starts: 2027-04-21 15:30}\n"
EARLY_PLACEMENT = """  placement:
    receivers: placed
    milestones:
      opens: 2027-04-01 08:00
      data_due: 2027-04-07 17:00
      review_opens: 2027-04-08 08:00
      review_closes: 2027-04-15 17:00
      delivers: 2027-04-16 08:00
      receipts_due: 2027-04-22 17:00
occasions:"""
SUPPORT = """  support:
    milestones:
      opens: 2026-11-02 08:00
      data_due: 2026-11-16 17:00
      delivers: 2026-11-17 08:00
      receipts_due: 2026-12-03 17:00
occasions:"""
SECOND = """  - id: 98ZY00
    name: Het Tweede
    kind: VO
    contact: tweede@scholen-voorbeeld.nl
    receives: {url: "https://vo.example.org/overstap", way: push}
"""
PARTNERSHIP = """  - id: PO9901
    name: Samenwerkingsverband Voorbeeld
    kind: SWV
    contact: loket@scholen-voorbeeld.nl
    receives: {way: push, url: "https://swv.example.org/overstap"}
"""
TWO_PARTNERSHIPS = f"""{PARTNERSHIP}{PARTNERSHIP.replace("PO9901", "PO9902").replace("swv.", "swv2.")}rounds:
{SUPPORT.removesuffix("occasions:")}"""
WITH_REVIEW = f"""{PARTNERSHIP}rounds:
{SUPPORT.removesuffix("occasions:")}      review_opens: 2026-11-17 08:00
"""
REMINDED_OF_REVIEW = f"""{PARTNERSHIP}rounds:
{SUPPORT.removesuffix("occasions:")}    consent: asked
    reminders: [{{of: review_closes, days_before: 3}}]
"""
ASKING_PARTNERSHIP = f"""{PARTNERSHIP.replace('way: push, url: "https://swv.example.org/overstap"', "way: pull")}rounds:
"""
FIRST_ROUND = GOOD[GOOD.index("data_due: 2027-01-25") : GOOD.index("      receipts_due: 2027-02-10")]
LATE_FIRST_ROUND = """data_due: 2027-02-01 17:00
      review_opens: 2027-02-02 08:00
      review_closes: 2027-02-09 17:00
      delivers: 2027-02-10 08:00
"""

MANDATE = (
    "{school: 99ZZ00, routing_key: '0000000700099ZZ00900', provider: 123A123, location: 123X123, "
    "given_by: A. Bakker, given_on: 2026-10-01}"
)
SUPPLIER = (
    "test_suppliers:\n  - name: Toetsbureau\n    oin: '00000003123456780000'\n"
    f"    url: https://toets.example.org/v1.1\n    mandates:\n      - {MANDATE}\n"
)

MISTAKES = [
    (RESULT, RESULT + SUPPLIER, "182", f"      - {MANDATE}"),
    (
        RESULT,
        RESULT + SUPPLIER.replace("ZZ00900", "ZZ01900").replace("}\n", ", without_own_system: true}\n"),
        "183",
        "      - {school: 99ZZ00, routing_key: '0000000700099ZZ01900'",
    ),
    (RESULT, RESULT + "own_codes:\n  - {list: '48', code: 'x', label: X}\n", "180", "{list: '48'"),
    (RESULT, RESULT + "own_codes:\n  - {list: '42', code: '0013', label: X}\n", "181", "{list: '42'"),
    # what is replaced, by what, the codes, and where it is told (the new text itself when None)
    ("name: Voorbeeldregio", "name: [Voorbeeldregio", "101", "school_year"),
    ("coordinators:", "coordinaters:", "102 103", None),
    ("  advice:\n", "  advise:\n", "102", None),
    ("    contact: instroom@scholen-voorbeeld.nl\n", "", "103", "  - id: 98ZZ00"),
    ("receivers: registered", "receivers: registerd", "104", None),
    ("holiday_region: middle", "holiday_region: midden", "104", None),
    ("days_before: 7", "days_before: zeven", "105", None),
    ("[toetsresultaten, verzuim]", "toetsresultaten", "105", "    categories: toetsresultaten"),
    ("    receivers: registered\n", "    receivers: placed\n    receivers: registered\n", "106",
     "    receivers: registered"),
    ("region: voorbeeld", "region: voorbeelden", "107", None),
    (CLOSES, "review_closes: 2027-03-15 16:00", "110", None),
    ("starts: 2027-04-21 15:30}", "starts: 2027-04-21 15:30, ends: 2027-04-21 15:00}", "110", None),
    (RESULT, "  - {name: Vorig jaar, starts: 2026-04-21 15:30}\n", "111", None),
    (DELIVERS, "delivers: 2027-03-28 02:30", "112", None),
    (RESULT, "  - {name: Nacht, starts: 2026-10-25 02:30}\n", "113", None),
    (RECEIPTS, "receipts_due: 2027-04-04 17:00", "114", None),  # a Sunday
    (RECEIPTS, "receipts_due: 2027-03-26 17:00", "114", None),  # Good Friday
    (RECEIPTS, "receipts_due: 2027-04-28 17:00", "114", None),  # May holiday of the part Middle
    ("holiday_region: middle", "holiday_region: middle\nretention: {content_days: 90, traces_days: 60}", "174",
     "retention: {content_days: 90, traces_days: 60}"),
    ("holiday_region: middle", "holiday_region: middle\nnotices: {digest_at: '06:30'}", "170",
     "notices: {digest_at: '06:30'}"),
    (RECEIPTS, "receipts_due: 2027-04-06 00:00", "115", None),
    (DUE, "data_due: 16-03-2027 12:00", "116", None),
    (RECEIPTS, "receipts_due: 2027-04-31 17:00:00", "116", None),
    (RECEIPTS, "receipts_due: 2027-04-06", "116", None),
    ("review_opens: 2027-03-16 14:00", "review_opens: 2027-03-18 14:00", "117", CLOSES),
    ("    receivers: registered", "    review_minimum: P10D\n    receivers: registered", "118", CLOSES),
    ("data_due: 2027-01-25 17:00", "data_due: 2027-01-08 17:00", "110 120", None),
    (FIRST_ROUND, LATE_FIRST_ROUND, "121", None),
    (DUE, "data_due: 2027-03-25 06:00", "110 122", None),
    (DUE, "data_due: 2027-03-12 12:00", "123", None),
    (f"{DELIVERS}\n      {RECEIPTS}", "delivers: 2027-05-13 08:00\n      receipts_due: 2027-05-20 17:00", "124", None),
    ("ends: 2027-03-31 23:59", "ends: 2027-03-30 17:00", "125", None),
    ("starts: 2027-03-25 08:00", "starts: 2027-03-18 08:00", "126", None),
    ("starts: 2027-04-21 15:30", "starts: 2027-05-13 15:30", "127", None),
    ("occasions:", EARLY_PLACEMENT, "128", "      delivers: 2027-04-16"),
    ("categories: [toetsresultaten]", "categories: [toetsresultaten, handelingsplannen]", "130", None),
    ("receivers: registered", "receivers: all", "131", None),
    ("[toetsresultaten, verzuim]", "[toetsresultaten, vve]", "132", None),
    ("[toetsresultaten, verzuim]", "[toetsresultaten, verzuin]", "133", None),
    ("[toetsresultaten, verzuim]", "[toetsresultaten, cat_verzuim]", "133", None),
    ("[toetsresultaten, verzuim]", "[toetsresultaten, overstapadvies]", "134", None),
    ("applied\n    categories: [toetsresultaten]", "registered\n    categories: [eindtoetsbo]", "135",
     "    categories: [eind"),
    ("receivers: registered", "receivers: registered\n    inspection: {immaterial: [communicatie/numer]}", "136",
     "    inspection:"),
    ("receivers: registered", "receivers: registered\n    inspection: {immaterial: [overstapadvies]}", "137",
     "    inspection:"),
    ("id: 99ZZ00", "id: 99zz00", "141", None),
    ("id: 99ZZ00", "id: 99ZZ", "141", None),
    ("id: 98ZZ00", "id: 99ZZ00", "143", "    name: Het Voorbeeldcollege"),
    (PUSH, "", "144", "  - id: 98ZZ00"),
    (PUSH, PUSH + SECOND, "154", "    receives: {url:"),
    ("    supplies: {way: drop_folder}\n", "", "145", "  - id: 99ZZ00"),
    ("contact: administratie@scholen-voorbeeld.nl", "contact: mevrouw De Vries", "146", None),
    ("kind: VO", "kind: PO\n    supplies: {way: drop_folder}", "148", "schools:"),
    ("gate_answered_by: [c.jansen]", "gate_answered_by: [c.janssen]", "151", None),
    ("schools:\n", "  - {account: c.jansen, name: J. Smit, email: j.smit@scholen.nl}\nschools:\n", "152", None),
    ("email: c.jansen@scholen-voorbeeld.nl", "email: c.jansen", "153", None),
    ("holiday_region: middle\n", "holiday_region: middle\nexample: true\n", "175", "example:"),
    ("email: c.jansen@scholen-voorbeeld.nl", "email: c.jansen@example.org", "176", None),
    ("contact: instroom@scholen-voorbeeld.nl", "contact: instroom@vo.example", "176", None),
    ("kind: VO", "kind: SWV", "148 178", "  - id: 98ZZ00"),
    ("holiday_region: middle\n", "", "160", "region: voorbeeld"),
    ("opens: 2027-03-01 08:00", "opens: 2027-02-01 08:00", "162", None),
    ("days_before: 7", "days_before: 30", "163", None),
    ("occasions:", SUPPORT, "166", "  support:"),
    ("    categories: [toetsresultaten, verzuim]", "    profile: POSWV", "134 167", None),
    ("rounds:\n", TWO_PARTNERSHIPS, "168", "  support:"),
    ("rounds:\n", WITH_REVIEW, "169", "      review_opens: 2026-11-17"),
    ("rounds:\n", REMINDED_OF_REVIEW, "169 169", "    consent: asked"),
    ("receivers: registered", "receivers: registered\n    consent: required", "171", "    consent: required"),
    ("rounds:\n", ASKING_PARTNERSHIP, "173", "    receives: {way: pull"),
]  # fmt: skip
NOT_HERE = {108, 109, 119, 140, 142, 147, 149, 150, 161, 164, 165, 172, 177, 179, 199}
"""Numbers of the codes that have a test of their own below or in test_agreement_schools.py; 199 is a net."""


def found(path: Path, **more):
    (checked,) = check_agreements([path], **more)
    return checked.findings


def codes_of(findings):
    return [finding.code.removeprefix("AGREEMENT-") for finding in findings]


def test_each_file_is_told_when_it_was_read_and_when_it_was_checked(tmp_path):
    told = []
    assert len(check_agreements([write(tmp_path, GOOD)], advance=told.append)) == 1
    assert told == [1, 1]


def test_files_are_read_as_yaml_reads_them(tmp_path):
    """Blocks, lists and text are made by ourselves, for speed; what comes out is what YAML's own loader makes."""
    text = (
        "a: &x {b: [1, two, 2027-01-11 08:00, null, 'true', true, 0x10, 2027-02-30 08:00]}\nc: *x\n"
        "d: {<<: *x, e: ~}\ni: []\nj: {}\nk:\n"
    )
    for stated in (text, GOOD):
        read = read_source(write(tmp_path, stated)).data
        plain = yaml.load(stated, Loader=CoreLoader)  # noqa: S506 (a safe loader)
        for added in ("rounds", "schools"):  # filled in from the national file
            read.pop(added, None)
            plain.pop(added, None)
        assert read == plain
    read = read_source(write(tmp_path, text)).data
    assert read["a"] is read["c"], "an alias is the same data, not a copy"


def test_a_good_agreement_has_no_findings(tmp_path):
    path = write(tmp_path)
    assert found(path) == ()
    assert load_agreement(path).region == "voorbeeld"


@pytest.mark.parametrize(("old", "new", "codes", "at"), MISTAKES, ids=[f"{m[2]}-{m[1][:30]}" for m in MISTAKES])
def test_a_mistake_gives_its_code_at_its_line(tmp_path, old, new, codes, at):
    assert GOOD.count(old) == 1, "the mistake must be made in one place"
    text = GOOD.replace(old, new)
    path = write(tmp_path, text)
    findings = found(path)
    assert sorted(codes_of(findings)) == codes.split()
    place = line_of(text, new.split("\n")[0] if at is None else at)
    # A school's number stands on the line above its name
    assert {place, place - 1 if codes == "143" else place} & {finding.line for finding in findings}
    for finding in findings:
        assert (finding.severity is AgreementSeverity.WARNING) == (finding.code in WARNINGS)
        said = f"{finding.message_nl} {finding.do_nl} {finding.message_en} {finding.do_en}"
        assert not re.search(r"LocalisedText\(|None|\{[a-z_]+\}", said)


@pytest.mark.parametrize(("old", "new", "codes", "at"), MISTAKES, ids=[f"{m[2]}-{m[1][:30]}" for m in MISTAKES])
def test_what_does_not_load_has_errors(tmp_path, old, new, codes, at):
    path = write(tmp_path, GOOD.replace(old, new))
    has_errors = any(finding.severity is AgreementSeverity.ERROR for finding in found(path))
    understood = {"101", "102", "103", "104", "105", "106", "107", "110", "112", "116", "131"}.isdisjoint(codes.split())
    if understood and load_agreement_code(path) is None:
        return
    assert load_agreement_code(path) == "AGREEMENT-001"
    assert has_errors


def load_agreement_code(path: Path) -> str | None:
    """Return the code with which an agreement is refused, or None when it loads."""
    try:
        load_agreement(path)
    except OverstapError as refused:
        return refused.code
    return None


def test_every_code_is_tried():
    tried = {int(code) for _, _, codes, _ in MISTAKES for code in codes.split()}
    assert not tried & NOT_HERE
    known = {int(code.removeprefix("AGREEMENT-")) for code in sentences() if code.startswith("AGREEMENT-1")}
    assert tried | NOT_HERE == known
    assert {int(code.removeprefix("AGREEMENT-")) for code in WARNINGS} <= known


def test_mistakes_are_told_at_once(tmp_path):
    text = GOOD
    for old, new in (
        ("receivers: registered", "receivers: registerd"),
        (CLOSES, "review_closes: 2027-03-15 16:00"),
        ("[toetsresultaten, verzuim]", "[toetsresultaten, vve]"),
        ("id: 99ZZ00", "id: 99zz00"),
        ("contact: instroom@scholen-voorbeeld.nl", "contcat: instroom@scholen-voorbeeld.nl"),
    ):
        text = text.replace(old, new)
    assert set(codes_of(found(write(tmp_path, text)))) == {"102", "103", "104", "110", "132", "141"}


def test_a_typing_error_gets_a_suggestion(tmp_path):
    findings = found(write(tmp_path, GOOD.replace(CLOSES, "reviw_closes: 2027-03-24 16:00")))
    (finding,) = [each for each in findings if each.code == "AGREEMENT-102"]
    assert "Bedoelt u review_closes?" in finding.do_nl
    assert finding.path == "rounds.advice.milestones.reviw_closes"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("16-03-2027 12:00", "2027-03-16 12:00"),
        ("16/3/2027 9.30", "2027-03-16 09:30"),
        ("16.03.2027", "2027-03-16 17:00"),
        ("2027-03-16", "2027-03-16 17:00"),
        ("2027-03-16 24:00", "2027-03-16 23:59"),
        ("31-02-2027 12:00", "2027-03-12 17:00"),  # no such day: an example
        ("half maart", "2027-03-12 17:00"),
    ],
)
def test_how_a_moment_was_meant(tmp_path, written, meant):
    (finding,) = found(write(tmp_path, GOOD.replace(DUE, f"data_due: {written}")))
    assert finding.code == "AGREEMENT-116"
    assert f"bijvoorbeeld {meant}." in finding.do_nl


@pytest.mark.parametrize(
    ("old", "new", "meant"),
    [
        ("  advice:\n", "  advies:\n", "advice"),
        ("receivers: registered", "receivers: ingeschreven", "registered"),
        ("holiday_region: middle", "holiday_region: Midden", "middle"),
        ("    categories: [toetsresultaten, verzuim]", "    categorieen: [verzuim]", "categories"),
    ],
)
def test_who_writes_dutch_is_understood(tmp_path, old, new, meant):
    findings = found(write(tmp_path, GOOD.replace(old, new)))
    assert f"Bedoelt u {meant}?" in " ".join(finding.do_nl for finding in findings)


def test_a_school_in_two_regions(tmp_path):
    one, other = write(tmp_path), write(tmp_path, GOOD.replace("region: voorbeeld", "region: buren"), region="buren")
    # The other region is looked at also when it was not asked about
    assert [(finding.code, finding.line) for finding in found(one)] == [
        ("AGREEMENT-140", line_of(GOOD, "id: 99ZZ00")),
        ("AGREEMENT-140", line_of(GOOD, "id: 98ZZ00")),
    ]
    first, second = check_agreements([one, other])
    assert len(first.findings) == len(second.findings) == 2
    assert "buren" in first.findings[0].message_nl


def test_a_copy_of_a_region_is_told_in_one_sentence_and_by_its_folder(tmp_path):
    schools = "".join(
        f"  - {{id: 99Z{letter}00, name: School {letter}, kind: PO, contact: a@scholen-voorbeeld.nl, "
        "supplies: {way: drop_folder}}\n"
        for letter in "ABCDE"
    )
    text = GOOD.replace("schools:\n", f"schools:\n{schools}")
    write(tmp_path, text)
    copied = write(tmp_path, text, region="nieuw")
    findings = found(copied)
    assert [finding.code for finding in findings] == ["AGREEMENT-107", "AGREEMENT-149"]
    assert "7 scholen van deze regio staan ook bij voorbeeld" in findings[1].message_nl


def test_another_school_year_is_no_second_region(tmp_path):
    one = write(tmp_path)
    text = GOOD.replace("2026-2027", "2027-2028").replace("region: voorbeeld", "region: buren")
    write(tmp_path, text, region="buren", school_year="2027-2028")
    assert found(one) == ()


def test_years_that_do_not_follow_each_other(tmp_path):
    path = write(tmp_path, GOOD.replace("2026-2027", "2026-2028"), school_year="2026-2028")
    assert "108" in codes_of(found(path))


def test_no_coordinator_and_no_round(tmp_path):
    start, end = GOOD.index("coordinators:"), GOOD.index("schools:")
    text = GOOD[:start] + "coordinators: []\n" + GOOD[end:].replace("    gate_answered_by: [c.jansen]\n", "")
    assert codes_of(found(write(tmp_path, text))) == ["150"]
    start, end = GOOD.index("rounds:"), GOOD.index("occasions:")
    assert codes_of(found(write(tmp_path, GOOD[:start] + "rounds: {}\n" + GOOD[end:]))) == ["165"]


def test_a_year_without_a_national_file_is_assumed(tmp_path):
    findings = [each for each in found(write(tmp_path), national=tmp_path / "none") if each.code == "AGREEMENT-161"]
    assert [each.severity for each in findings] == [AgreementSeverity.WARNING]


def test_a_broken_national_file_is_told_and_not_assumed(tmp_path):
    (tmp_path / "national").mkdir()
    (tmp_path / "national" / "2026-2027.yaml").write_text("school_year: 2026-2027\n")
    path = write(tmp_path)
    assert codes_of(found(path, national=tmp_path / "national")) == ["164"]
    with pytest.raises(OverstapError, match="AGREEMENT-001"):
        load_agreement(path, tmp_path / "national")


@pytest.mark.parametrize(
    "register",
    ["INSTELLINGSCODE;VESTIGINGSCODE;NAAM\n99ZZ;99ZZ00;x\n", "BRIN NUMMER,VESTIGINGSNUMMER\n99ZZ,0\n"],
)
def test_a_school_that_is_not_in_the_register(tmp_path, register):
    (tmp_path / "vestigingen.csv").write_text(register)
    known = read_register(tmp_path / "vestigingen.csv")
    assert known == {"99ZZ00"}
    assert [(each.code, each.path) for each in found(write(tmp_path), register=known)] == [
        ("AGREEMENT-142", "schools.1.id")
    ]


@pytest.mark.parametrize("content", [b"NAAM;PLAATS\nx;y\n", b"", b"\xff\xfe\n"])
def test_a_register_without_branches_is_refused(tmp_path, content):
    (tmp_path / "vestigingen.csv").write_bytes(content)
    with pytest.raises(OverstapError, match="AGREEMENT-147"):
        read_register(tmp_path / "vestigingen.csv")


@pytest.mark.fault("F32")
@pytest.mark.parametrize("offset", ["+01:00", "+02:00"])
def test_an_offset_settles_the_hour_that_comes_twice(tmp_path, offset):
    text = GOOD.replace(RESULT, f"  - {{name: Nacht, starts: '2026-10-25 02:30{offset}'}}\n")
    assert found(write(tmp_path, text)) == ()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"- a\n- b\n",
        b"\xff\xfe\x00",
        b"a: " + b"[" * 20_000,
        b"a: " + b"[" * 200_000,
        b"region: !!python/object:os.system x\n",
        b"a: \tb: c",
    ],
)
def test_a_file_that_is_no_agreement_at_all(tmp_path, content):
    path = write(tmp_path)
    path.write_bytes(content)
    assert codes_of(found(path)) == ["101"]
    with pytest.raises(OverstapError, match="AGREEMENT-001"):
        load_agreement(path)


def test_a_file_that_is_not_there(tmp_path):
    """It is not called bad YAML; neither is a folder that has the name of a file."""
    (tmp_path / "2026-2027.yaml").mkdir()
    for path in (tmp_path / "none" / "2026-2027.yaml", tmp_path / "2026-2027.yaml"):
        assert codes_of(found(path)) == ["119"]


def test_the_command_tells_people_and_programs(tmp_path):
    path = write(tmp_path, GOOD.replace("receivers: registered", "receivers: registerd"))
    told = CliRunner().invoke(app, ["agreement", "check", str(path)])
    assert told.exit_code == 1
    assert "AGREEMENT-104" in told.stdout
    assert "Bedoelt u registered?" in told.stdout
    assert (
        "Do you mean registered?"
        in CliRunner().invoke(app, ["agreement", "check", str(path), "--language", "en"]).stdout
    )
    told = CliRunner().invoke(app, ["agreement", "check", str(path), "--format", "json"])
    assert told.exit_code == 1
    (finding,) = json.loads(told.stdout)
    assert finding["line"] == line_of(GOOD, "receivers: registered")
    assert finding["severity"] == "error"
    assert finding["file"] == str(path)


def test_warnings_are_no_errors(tmp_path):
    path = write(tmp_path, GOOD.replace("contact: administratie@scholen-voorbeeld.nl", "contact: balie"))
    told = CliRunner().invoke(app, ["agreement", "check", str(path)])
    assert told.exit_code == 0
    assert "AGREEMENT-146" in told.stdout


def test_sentences_are_complete():
    for code, text in sentences().items():
        if code.startswith("AGREEMENT-"):
            assert set(text) == {"nl", "en", "do_nl", "do_en", "who"}, code
            assert all(value.strip() for value in text.values()), code


def test_feedback_is_no_round_of_the_standard_and_the_check_says_how_results_go_back(tmp_path):
    both = GOOD.replace(PUSH, PUSH + "    supplies: {way: drop_folder}\n").replace(
        "    supplies: {way: drop_folder}\n  - id: 98",
        '    supplies: {way: drop_folder}\n    receives: {way: push, url: "https://po.example.org/in"}\n  - id: 98',
    )
    moments = GOOD[GOOD.rindex("    milestones:") : GOOD.index("occasions:")]
    path = write(tmp_path, both.replace("occasions:", f"  feedback:\n{moments}occasions:"))
    (warning,) = found(path)
    assert warning.code == "AGREEMENT-172"
    assert "overstap deliver results" in warning.do_nl
    assert load_agreement(path).round("feedback").profile == "VOVO"


def test_a_round_by_its_dutch_name_is_one_mistake_with_the_name_that_is_meant(tmp_path):
    (mistake,) = found(
        write(tmp_path, GOOD.replace("rounds:\n", "rounds:\n  ondersteuning: {milestones: {opens: morgen}}\n"))
    )
    assert mistake.code == "AGREEMENT-102"
    assert "support" in mistake.do_nl


def test_a_duration_is_told_in_days_as_each_language_writes_it(tmp_path):
    text = GOOD.replace(CLOSES, "review_closes: 2027-03-17 02:00")
    (short,) = [one for one in found(write(tmp_path, text)) if one.code == "AGREEMENT-118"]
    assert "duurt 0,5 dagen, korter dan review_minimum (5 dagen)" in short.message_nl
    assert "lasts 0.5 days" in short.message_en


def test_a_copy_of_last_year_names_the_rounds_that_have_no_moments_in_the_first_run(tmp_path):
    """A round that states nothing takes all from the national file; of next year there is none yet."""
    text = GOOD[: GOOD.index("rounds:")].replace("2026-2027", "2027-2028") + "rounds:\n  advice:\n  placement:\n"
    path = write(tmp_path, text)
    copied = path.rename(path.with_name("2027-2028.yaml"))
    findings = [one for one in found(copied) if one.code == "AGREEMENT-177"]
    assert [one.path for one in findings] == ["rounds.advice", "rounds.placement"]
    assert all("2027-2028" in one.message_nl and "None" not in one.message_nl for one in findings)


def test_the_coordinators_of_the_file_that_was_copied(tmp_path):
    schools = GOOD.replace("99ZZ00", "99ZY00").replace("98ZZ00", "98ZY00").replace("region: voorbeeld", "region: nieuw")
    write(tmp_path, GOOD)
    other = write(tmp_path, schools, region="nieuw")
    assert [one.code for one in found(other)] == ["AGREEMENT-179"]
    assert "voorbeeld" in found(other)[0].message_nl
    mended = schools.replace("c.jansen", "k.bakker")
    assert found(write(tmp_path, mended, region="nieuw")) == ()


def test_a_broken_file_is_told_as_that_by_the_calendar(tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from overstap.cli import calendar

    write(tmp_path, GOOD.replace("    kind: VO", "    kind: HO"))
    monkeypatch.setenv("OVERSTAP_REGIONS", str(tmp_path))
    done = CliRunner().invoke(calendar.app, ["--region", "voorbeeld"])
    assert isinstance(done.exception, OverstapError)
    assert done.exception.code == "AGREEMENT-001"
    gone = CliRunner().invoke(calendar.app, ["--region", "elders"])
    assert isinstance(gone.exception, OverstapError)
    assert gone.exception.code == "AGREEMENT-003"


def test_what_is_refused_is_told_whole_in_a_narrow_terminal(capsys, monkeypatch):
    from types import SimpleNamespace

    from overstap.cli import agreement

    monkeypatch.setenv("COLUMNS", "80")
    reason = "de reden waarom dit niet meer kan is een hele zin " * 4 + "EINDE"
    verdict = SimpleNamespace(
        refused="x", sentence_nl=reason, difference=SimpleNamespace(path="rounds.advice.milestones.data_due")
    )
    agreement._print_verdicts(agreement.Console(highlight=False, soft_wrap=True), "Advies", [verdict])
    assert "EINDE" in capsys.readouterr().out
