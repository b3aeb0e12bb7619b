"""Two regions compare applications: in one deployment, and by files between two."""

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from owned import by_owner, register, tell_closed
from test_walk import PO, VO, agreement
from typer.testing import CliRunner

from overstap.agreements import Agreement, RoundKind
from overstap.agreements.model import RegistrationStage
from overstap.cli import app
from overstap.comparing.exchange_files import answer_file, question_file, read_answer, read_question
from overstap.comparing.regions import compare_due, compare_regions, due
from overstap.envelope.signing import sign
from overstap.errors import OverstapError
from overstap.intake.applications import Application
from overstap.intake.registrations import SourceRegistrations, collect_registrations
from overstap.ledger import Ledger, retention
from overstap.ledger.comparisons import comparisons
from overstap.ledger.comparisons.blinding import Exponent, point_of, tag_of
from overstap.ledger.comparisons.comparisons import AppliedElsewhere, RegionAnswer, RegionQuestion
from overstap.ledger.comparisons.pseudonyms import without_pseudonym
from overstap.ledger.invariants import check
from overstap.ledger.region_keys import create_keys
from overstap.ledger.rosters import by_application
from overstap.ledger.rosters.matching import RosterList
from overstap.ledger.rounds.rounds import open_round
from overstap.pages.board.views.rosters import to_csv
from overstap.pki import SigningIdentity, TrustStore, make_development_certificates
from overstap.pki.authority import DevelopmentAuthority
from overstap.pki.oin import development_oin_of_region
from overstap.simulation.synthetic.numbers import bsn
from overstap_tools.local.postgres import EmbeddedPostgres

YEAR = "2026-2027"
OTHER_VO = "98XB00"
NOW = datetime.now(UTC)
HERE, THERE, BOTH = [bsn(1), bsn(2)], [bsn(3), bsn(4), bsn(5)], [bsn(6), bsn(7)]


def agreed(region: str, *partners: object) -> Agreement:
    """Return the agreement of a region that names others; each has its own secondary school."""
    content = agreement(region).model_dump(mode="json")
    content["schools"][1]["id"] = VO if region == "alfa" else OTHER_VO
    content["comparisons"] = [{"region": one} if isinstance(one, str) else one for one in partners]
    return Agreement.model_validate(content)


def applied(number: str, school: str, stage: str = "applied", status: str | None = None) -> Application:
    return Application(
        pupil_number=number,
        birth_date=None,
        primary_school=PO,
        secondary_school=school,
        stage=RegistrationStage(stage),
        recorded_at=NOW - timedelta(days=1) if status is None else NOW,
        preference=1,
        status=status,
        reason=None,
    )


def take(ledger: Ledger, of: Agreement, *rows: Application, is_open: bool = True) -> None:
    if is_open:
        with ledger.unit(of.region, "test") as unit:
            open_round(unit, of, RoundKind.ADVICE)
    collect_registrations(ledger, of, [SourceRegistrations("file", rows, [])], "platform")


def fill(ledger: Ledger, region: str, of: Agreement) -> None:
    own, school = (HERE, VO) if region == "alfa" else (THERE, OTHER_VO)
    take(ledger, of, *(applied(number, school) for number in own + BOTH[:1]), applied(BOTH[1], school, "placed"))


def told(ledger: Ledger, region: str) -> list[AppliedElsewhere]:
    with ledger.unit(region, "test") as unit:
        return comparisons.elsewhere(unit, f"{region}.{YEAR}.advice")


def lines(ledger: Ledger, region: str) -> list[dict[str, object]]:
    with ledger.unit(region, "test") as unit:
        found = [json.loads(row[0]) for row in unit.rows("select payload from overstap.audit_line order by seq")]
    return [one for one in found if one["action"].startswith("comparison.")]


def sound(ledger: Ledger, *regions: str) -> None:
    for region in regions:
        with ledger.unit(region, "test") as unit:
            assert check(unit) == []


# -- one deployment -----------------------------------------------------------------------------------------------


@pytest.fixture
def both(ledger: Ledger) -> Ledger:
    """A ledger with two regions that agreed to compare and have two pupils in common."""
    fill(ledger, "alfa", agreed("alfa", "beta"))
    fill(ledger, "beta", agreed("beta", "alfa"))
    return ledger


def test_each_region_learns_of_its_own_pupils_the_school_and_state_there_and_nothing_else(both: Ledger) -> None:
    found = compare_regions(both, "alfa", "beta", YEAR, "c.een")
    assert (found.partner, found.found, found.found_there) == ("beta", 2, 2)
    for region, schools, other in (("alfa", (VO,), OTHER_VO), ("beta", (OTHER_VO,), VO)):
        seen = told(both, region)
        assert {(one.schools, one.region, one.school) for one in seen} == {
            (schools, "beta" if region == "alfa" else "alfa", other)
        }
        assert sorted(one.state for one in seen) == ["applied", "placed"]
        assert sorted(one.states for one in seen) == [("applied",), ("placed",)]
        assert {one.primary_school for one in seen} == {PO}
    sound(both, "alfa", "beta")


def test_each_comparison_is_in_both_chains_with_the_same_digests(both: Ledger) -> None:
    compare_regions(both, "alfa", "beta", YEAR, "c.een")
    here, there = lines(both, "alfa"), lines(both, "beta")
    assert [one["action"] for one in here] == ["comparison.ask", "comparison.read", "comparison.answer"]
    assert [one["action"] for one in there] == ["comparison.answer", "comparison.ask", "comparison.read"]
    assert {one["actor"] for one in here + there} == {"c.een"}
    asked, read = here[0]["detail"], here[1]["detail"]
    answered = there[0]["detail"]
    assert isinstance(asked, dict)
    assert isinstance(read, dict)
    assert isinstance(answered, dict)
    assert here[0]["subject"] == here[1]["subject"] == there[0]["subject"]
    assert (asked["with"], asked["pupils"], read["found"]) == ("beta", 4, 2)
    assert (answered["question"], answered["answer"]) == (asked["question"], read["answer"])


def test_no_row_of_either_region_has_what_the_other_has(both: Ledger, owner_dsn: str) -> None:
    compare_regions(both, "alfa", "beta", YEAR, "c.een")
    with psycopg.connect(owner_dsn) as owner:
        for region, own in (("alfa", HERE + BOTH), ("beta", THERE + BOTH)):
            keys = both.keys(region)
            mine = {keys.lookup("pupil", number) for number in own}
            for table in ("comparison_pseudonym", "applied_elsewhere"):
                kept = owner.execute(
                    f"select pupil from overstap.{table} where region = %s",  # noqa: S608 (names above)
                    [region],
                ).fetchall()
                assert {bytes(row[0]) for row in kept} <= mine
        assert owner.execute("select count(*) from overstap.comparison where secret is not null").fetchone() == (0,)
        points = owner.execute("select point from overstap.comparison_pseudonym").fetchall()
        assert len({bytes(row[0]) for row in points}) == len(points) == 9, "one pupil has another point in each region"


def test_who_applied_in_two_regions_stands_on_the_list_with_an_owner(both: Ledger) -> None:
    compare_regions(both, "beta", "alfa", YEAR, "c.een")
    with both.unit("alfa", "test") as unit:
        listed = by_application.all_listed(unit, "alfa.2026-2027.advice")
        counted = by_application.all_counts(unit, "alfa.2026-2027.advice")
    two = [one for one in listed if one.list is RosterList.TWO_REGIONS]
    assert [one.secondary_schools for one in two] == [(VO, OTHER_VO)] * 2
    assert {one.sign for one in two} == {one.sign for one in told(both, "alfa")}
    assert [(one.owner, one.count) for one in counted if one.list is RosterList.TWO_REGIONS] == [(None, 2)]


def test_the_board_reads_school_and_state_there_without_a_key(both: Ledger, postgres: EmbeddedPostgres) -> None:
    compare_regions(both, "alfa", "beta", YEAR, "c.een")
    round_id = "alfa.2026-2027.advice"
    with both.unit("alfa", "test") as unit:
        database = str(unit.one("select current_database()")[0])
    board = Ledger(postgres.dsn("overstap_board", database), None)
    with board.unit("alfa", "c.een") as unit:
        listed = by_application.all_listed(unit, round_id)
        there = comparisons.elsewhere(unit, round_id)
        content = to_csv(listed, by_application.all_counts(unit, round_id), {VO: "Het College"}, there)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            unit.rows("select point from overstap.comparison_pseudonym")
    board.close()
    said = [line for line in content.decode("utf-8-sig").splitlines() if "ook in een andere regio" in line]
    assert sorted(line.rpartition(";")[2] for line in said) == [
        f"beta: {OTHER_VO} (aangemeld)",
        f"beta: {OTHER_VO} (geplaatst)",
    ]
    assert not any(number in content.decode("utf-8-sig") for number in HERE + BOTH)


def test_a_later_comparison_replaces_what_the_one_before_told(both: Ledger) -> None:
    compare_regions(both, "alfa", "beta", YEAR, "c.een")
    take(both, agreed("beta", "alfa"), applied(BOTH[0], OTHER_VO, status="withdrawn"), is_open=False)
    compare_regions(both, "alfa", "beta", YEAR, "c.een")
    assert [one.state for one in told(both, "alfa")] == ["placed"]
    sound(both, "alfa", "beta")


@pytest.mark.parametrize(("here", "there"), [(["beta"], []), ([], ["alfa"]), ([], []), (["beta"], ["demo"])])
def test_nothing_is_asked_unless_both_agreed(ledger: Ledger, here: list[str], there: list[str]) -> None:
    fill(ledger, "alfa", agreed("alfa", *here))
    fill(ledger, "beta", agreed("beta", *there))
    for one, other in (("alfa", "beta"), ("beta", "alfa")):
        with pytest.raises(OverstapError, match="COMPARE-001"):
            compare_regions(ledger, one, other, YEAR, "c.een")
    assert lines(ledger, "alfa") == lines(ledger, "beta") == []


def test_the_database_keeps_to_the_agreement_whatever_the_caller_does(ledger: Ledger) -> None:
    fill(ledger, "alfa", agreed("alfa", "beta"))
    fill(ledger, "beta", agreed("beta"))
    with ledger.unit("alfa", "test") as unit:
        question = comparisons.ask(unit, YEAR, "beta")
    with pytest.raises(OverstapError, match="COMPARE-001"), ledger.unit("beta", "test") as unit:
        comparisons.answer(unit, question, at_most=100)
    with pytest.raises(OverstapError, match="COMPARE-001"), ledger.unit("beta", "test") as unit:
        comparisons.ask(unit, YEAR, "alfa")
    assert lines(ledger, "beta") == []


def test_without_an_agreement_no_pseudonym_is_kept_and_the_next_list_brings_them(ledger: Ledger) -> None:
    fill(ledger, "alfa", agreed("alfa"))
    with ledger.unit("alfa", "test") as unit:
        assert unit.one("select count(*) from overstap.comparison_pseudonym") == (0,)
        assert without_pseudonym(unit, YEAR) == 4
    fill(ledger, "alfa", agreed("alfa", "beta"))
    with ledger.unit("alfa", "test") as unit:
        assert without_pseudonym(unit, YEAR) == 0


def test_a_comparison_is_due_once_after_each_agreed_moment(ledger: Ledger) -> None:
    moments = [(NOW - timedelta(days=days)).isoformat() for days in (30, 2)] + [(NOW + timedelta(days=9)).isoformat()]
    fill(ledger, "alfa", agreed("alfa", {"region": "beta", "at": moments}))
    fill(ledger, "beta", agreed("beta", "alfa"))
    assert due(ledger, "alfa", YEAR, at=NOW) == ["beta"]
    assert due(ledger, "alfa", YEAR, at=NOW - timedelta(days=40)) == []
    assert due(ledger, "beta", YEAR, at=NOW) == []
    [done] = compare_due(ledger, "alfa", YEAR, actor="compare", at=NOW)
    assert (done.partner, done.found, done.found_there) == ("beta", 2, 2)
    assert compare_due(ledger, "alfa", YEAR, actor="compare", at=NOW) == []
    assert due(ledger, "alfa", YEAR, at=NOW) == []
    assert due(ledger, "alfa", YEAR, at=NOW + timedelta(days=10)) == ["beta"]


def test_what_is_changed_beside_the_functions_is_found(both: Ledger) -> None:
    compare_regions(both, "alfa", "beta", YEAR, "c.een")
    by_owner(both, "update overstap.applied_elsewhere set state = 'placed' where region = 'alfa' and state = 'applied'")
    with both.unit("alfa", "test") as unit:
        assert {one.invariant for one in check(unit)} == {"I5"}
    by_owner(both, "update overstap.comparison set found = null where region = 'beta' and part = 'asked'")
    with both.unit("beta", "test") as unit:
        assert {"I13", "I5"} == {one.invariant for one in check(unit)}


def test_the_rows_can_be_written_by_the_functions_alone(both: Ledger) -> None:
    compare_regions(both, "alfa", "beta", YEAR, "c.een")
    for statement in (
        "insert into overstap.applied_elsewhere select * from overstap.applied_elsewhere",
        "update overstap.applied_elsewhere set state = 'placed'",
        "delete from overstap.applied_elsewhere",
        "update overstap.comparison set found = 0",
        "delete from overstap.comparison",
        "update overstap.comparison_pseudonym set point = pupil",
        "select overstap.audit('comparison.read', array['x'], array['{}'])",
        "select overstap.forget_comparisons('2026-2027', '{}')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), both.unit("alfa", "test") as unit:
            unit.run(statement)
    sound(both, "alfa", "beta")


# -- two deployments ----------------------------------------------------------------------------------------------


@dataclass
class Deployment:
    """A deployment of one region: a ledger, keys and a trust folder of its own."""

    ledger: Ledger
    agreement: Agreement
    trust: TrustStore

    @property
    def region(self) -> str:
        return self.agreement.region

    @property
    def identity(self) -> SigningIdentity:
        return self.trust.conductor_signing(self.region, at=datetime.now(UTC))

    def ask(self, partner: str) -> RegionQuestion:
        with self.ledger.unit(self.region, "c.een") as unit:
            return comparisons.ask(unit, YEAR, partner)

    def answer(self, data: bytes, *, at: datetime | None = None) -> RegionAnswer:
        question = read_question(data, self.agreement, self.trust, at=at or datetime.now(UTC))
        with self.ledger.unit(self.region, "c.twee") as unit:
            at_most = self.agreement.comparison(question.asks).at_most
            return comparisons.answer(unit, question, at_most=at_most)

    def read(self, data: bytes, *, at: datetime | None = None) -> int:
        answered = read_answer(data, self.agreement, self.trust, at=at or datetime.now(UTC))
        with self.ledger.unit(self.region, "c.een") as unit:
            return comparisons.read(unit, answered)

    def question(self, partner: str, *, at: datetime | None = None) -> bytes:
        return question_file(self.ask(partner), self.identity, at=at or datetime.now(UTC))

    def answered(self, data: bytes, *, at: datetime | None = None) -> bytes:
        return answer_file(self.answer(data), self.identity, at=at or datetime.now(UTC))


Apart = tuple[Deployment, Deployment]


@pytest.fixture
def apart(postgres: EmbeddedPostgres, ledger_template: str, tmp_path: Path) -> Iterator[Callable[..., Apart]]:
    """Makes two deployments, each with a database, keys and a trust folder; they share the authority's certificate."""
    opened: list[Ledger] = []
    names: list[str] = []

    def make(here: bool = True, there: bool = True, **more: object) -> Apart:
        found = []
        for region, partner, names_it in (("alfa", "beta", here), ("beta", "alfa", there)):
            name = f"ledger_{secrets.token_hex(6)}"
            postgres.copy_database(name, ledger_template)
            names.append(name)
            create_keys(tmp_path / region / "keys", region, "1")
            made = Ledger(postgres.dsn("overstap_app", name), tmp_path / region / "keys")
            opened.append(made)
            register(made, postgres.superuser_dsn(name))
            make_development_certificates(tmp_path / "trust", schools=[], regions=[region, "demo"], at=NOW)
            partners = [{"region": partner, "conductor": development_oin_of_region(partner), **more}]
            of = agreed(region, *(partners if names_it else []))
            fill(made, region, of)
            found.append(Deployment(made, of, TrustStore(tmp_path / "trust", production=False)))
        return found[0], found[1]

    yield make
    for one in opened:
        one.close()
    for name in names:
        postgres.drop_database(name)


def test_by_files_the_region_that_asks_learns_of_its_own_pupils_alone(apart: Callable[..., Apart]) -> None:
    alfa, beta = apart()
    question = alfa.question("beta")
    answered = beta.answered(question)
    assert alfa.read(answered) == 2
    assert {(one.region, one.school) for one in told(alfa.ledger, "alfa")} == {("beta", OTHER_VO)}
    assert sorted(one.state for one in told(alfa.ledger, "alfa")) == ["applied", "placed"]
    assert told(beta.ledger, "beta") == [], "who answers learns nothing"
    assert alfa.ledger.keys("alfa").lookup("pupil", BOTH[0]) != beta.ledger.keys("beta").lookup("pupil", BOTH[0])
    for data in (question, answered):
        for number in HERE + THERE + BOTH:
            assert number.encode() not in data
        assert OTHER_VO.encode() not in data
        assert VO.encode() not in data
    sound(alfa.ledger, "alfa")
    sound(beta.ledger, "beta")
    [asked, read] = lines(alfa.ledger, "alfa")
    [other] = lines(beta.ledger, "beta")
    assert asked["detail"]["question"] == other["detail"]["question"]  # type: ignore[index]
    assert read["detail"]["answer"] == other["detail"]["answer"]  # type: ignore[index]


def test_each_step_tells_how_far_it_has_come(apart: Callable[..., Apart]) -> None:
    alfa, beta = apart()
    told: list[int] = []
    with alfa.ledger.unit("alfa", "test") as unit:
        assert comparisons.applicants(unit, YEAR) == len(HERE + BOTH)
        question = comparisons.ask(unit, YEAR, "beta", told.append)
    assert sum(told) == len(question.points) == len(HERE + BOTH)
    told.clear()
    with beta.ledger.unit("beta", "test") as unit:
        both = len(question.points) + comparisons.applicants(unit, YEAR)
        answered = comparisons.answer(unit, question, at_most=100, advance=told.append)
    assert sum(told) == both == len(HERE + BOTH) + len(THERE + BOTH)
    told.clear()
    with alfa.ledger.unit("alfa", "test") as unit:
        comparisons.read(unit, answered, told.append)
    assert sum(told) == len(answered.points)


def test_who_knows_every_number_and_one_exponent_finds_nobody_in_a_file(apart: Callable[..., Apart]) -> None:
    alfa, beta = apart()
    question = alfa.ask("beta")
    with beta.ledger.unit("beta", "test") as unit:
        answered = comparisons.answer(unit, question, at_most=100)
    tags = {one[:16] for one in answered.labels}
    for number in HERE + THERE + BOTH:
        raw = point_of(number)
        by_alfa = Exponent(alfa.ledger.keys("alfa").exponent()).apply(raw)
        by_beta = Exponent(beta.ledger.keys("beta").exponent()).apply(raw)
        assert not {raw, by_alfa, by_beta} & set(question.points), "beta cannot tell whose point it is"
        assert not {raw, by_alfa, by_beta} & set(answered.points)
        if number in THERE:  # alfa does not have them
            assert not {tag_of(one, question.comparison) for one in (raw, by_alfa, by_beta)} & tags
    shared = {
        tag_of(Exponent(alfa.ledger.keys("alfa").exponent()).inverse().apply(one), question.comparison)
        for one in answered.points
    }
    assert not shared & tags, "without the exponent of this question nothing is found"


@pytest.mark.parametrize(("here", "there"), [(True, False), (False, True)])
def test_one_side_alone_agreed(apart: Callable[..., Apart], here: bool, there: bool) -> None:
    alfa, beta = apart(here, there)
    if not here:
        with pytest.raises(OverstapError, match="COMPARE-001"):
            alfa.ask("beta")
        return
    with pytest.raises(OverstapError, match="COMPARE-001"):
        beta.answer(alfa.question("beta"))
    assert lines(beta.ledger, "beta") == []


def test_a_file_that_was_changed_is_refused(apart: Callable[..., Apart]) -> None:
    alfa, beta = apart()
    data = bytearray(alfa.question("beta"))
    for place in (5, len(data) // 3, len(data) // 2, len(data) - 3):
        changed = data[:]
        changed[place] ^= 1
        with pytest.raises(OverstapError, match="COMPARE-006"):
            beta.answer(bytes(changed))
    with pytest.raises(OverstapError, match="COMPARE-006"):
        beta.answer(bytes(data[:-40]))
    with pytest.raises(OverstapError, match="COMPARE-006"):
        beta.answer(b"leerlingnummer;basisschool\r\n")
    with pytest.raises(OverstapError, match="COMPARE-006"):
        beta.read(bytes(data))
    assert lines(beta.ledger, "beta") == []
    beta.answer(bytes(data))


@pytest.mark.parametrize(
    "change",
    [
        {"asks": "\ud800"},
        {"asks": "al\x1b[2Jfa"},
        {"asks": "alfa\n2027-01-01 INFO beta answered"},
        {"asks": "../alfa"},
        {"answers": "beta\u202e"},
        {"school_year": "2026-2027\x07"},
        {"school_year": "{{ 7 * 7 }}"},
        {"points": 1e9},
        {"points": True},
        {"points": -1},
        {"comparison": "1"},
        {"more": "x" * 3_000},
        {"more": 1},
    ],
)
def test_a_hostile_header_of_a_known_signer_is_refused_and_not_repeated(
    apart: Callable[..., Apart], change: dict[str, object]
) -> None:
    """Whoever has a certificate can sign anything: a message repeats nothing that a terminal or a log would act on."""
    alfa, beta = apart()
    header = {"format": "overstap-comparison-question/1", "comparison": str(uuid4()), "school_year": YEAR}
    fields = {**header, "asks": "alfa", "answers": "beta", "points": 0, **change}
    at = datetime.now(UTC)
    with pytest.raises(OverstapError, match="COMPARE-006") as told_of:
        beta.answer(sign(json.dumps(fields).encode() + b"\n", alfa.identity, at=at))
    str(told_of.value).encode()
    for header_only in (b"[" * 1_999, b'{"a":' * 399, b"9" * 1_999, b"\xff", b"", b"null"):
        with pytest.raises(OverstapError, match="COMPARE-006"):
            beta.answer(sign(header_only + b"\n", alfa.identity, at=at))
    assert lines(beta.ledger, "beta") == []


def test_a_question_is_answered_once_and_an_answer_is_read_once(apart: Callable[..., Apart]) -> None:
    alfa, beta = apart()
    question = alfa.question("beta")
    answered = beta.answered(question)
    with pytest.raises(OverstapError, match="COMPARE-003"):
        beta.answer(question)
    assert alfa.read(answered) == 2
    with pytest.raises(OverstapError, match="COMPARE-002"):
        alfa.read(answered)
    sound(alfa.ledger, "alfa")


def test_an_answer_to_an_earlier_question_is_not_read(apart: Callable[..., Apart]) -> None:
    alfa, beta = apart()
    answered = beta.answered(alfa.question("beta"))
    alfa.ask("beta")
    with pytest.raises(OverstapError, match="COMPARE-002"):
        alfa.read(answered)


def test_a_file_signed_by_another_conductor_is_refused(apart: Callable[..., Apart]) -> None:
    alfa, beta = apart()
    another = alfa.trust.conductor_signing("demo", at=datetime.now(UTC))
    with pytest.raises(OverstapError, match="COMPARE-007"):
        beta.answer(question_file(alfa.ask("beta"), another, at=datetime.now(UTC)))
    answered = beta.answer(alfa.question("beta"))
    with pytest.raises(OverstapError, match="COMPARE-007"):
        alfa.read(answer_file(answered, another, at=datetime.now(UTC)))
    assert told(alfa.ledger, "alfa") == []


def test_a_file_signed_under_an_authority_that_nobody_trusts_is_refused(
    apart: Callable[..., Apart], tmp_path: Path
) -> None:
    alfa, beta = apart()
    DevelopmentAuthority(tmp_path / "elsewhere", at=NOW).conductor("alfa")
    stranger = TrustStore(tmp_path / "elsewhere", production=False).conductor_signing("alfa", at=datetime.now(UTC))
    with pytest.raises(OverstapError, match="COMPARE-006"):
        beta.answer(question_file(alfa.ask("beta"), stranger, at=datetime.now(UTC)))


def test_a_file_for_another_region_or_year_is_refused(apart: Callable[..., Apart]) -> None:
    alfa, beta = apart()
    asked = alfa.ask("beta")
    for wrong in (replace(asked, answers="demo"), replace(asked, school_year="2027-2028")):
        with pytest.raises(OverstapError, match="COMPARE-002"):
            beta.answer(question_file(wrong, alfa.identity, at=datetime.now(UTC)))
    with pytest.raises(OverstapError, match="COMPARE-001"):
        beta.answer(question_file(replace(asked, asks="demo"), alfa.identity, at=datetime.now(UTC)))


@pytest.mark.parametrize("days", [-15, 1])
def test_an_old_file_and_one_from_the_future_are_refused(apart: Callable[..., Apart], days: int) -> None:
    alfa, beta = apart()
    with pytest.raises(OverstapError, match="COMPARE-008"):
        beta.answer(alfa.question("beta", at=datetime.now(UTC) + timedelta(days=days)))


def test_no_file_is_read_of_a_region_of_which_no_conductor_is_agreed(apart: Callable[..., Apart]) -> None:
    alfa, beta = apart()
    beta.agreement = agreed("beta", "alfa")
    with pytest.raises(OverstapError, match="COMPARE-009"):
        beta.answer(alfa.question("beta"))


def test_a_region_cannot_find_out_by_asking_without_end(apart: Callable[..., Apart]) -> None:
    alfa, beta = apart()
    for _ in range(5):
        beta.answer(alfa.question("beta"))
    with pytest.raises(OverstapError, match="COMPARE-004"):
        beta.answer(alfa.question("beta"))
    by_owner(beta.ledger, "update overstap.comparison set begun_at = begun_at - interval '25 hours'")
    beta.answer(alfa.question("beta"))


def test_a_region_cannot_ask_about_more_pupils_than_agreed(apart: Callable[..., Apart]) -> None:
    alfa, beta = apart(at_most=3)
    with pytest.raises(OverstapError, match="COMPARE-004"):
        beta.answer(alfa.question("beta"))


def test_points_that_are_none_or_twice_are_refused(apart: Callable[..., Apart]) -> None:
    alfa, beta = apart()
    asked = alfa.ask("beta")
    for points in ((asked.points[0], asked.points[0]), (b"\xff" * 32,)):
        with pytest.raises(OverstapError, match="COMPARE-005"):
            beta.answer(question_file(replace(asked, points=points), alfa.identity, at=datetime.now(UTC)))
    assert lines(beta.ledger, "beta") == []


def test_an_answer_that_does_not_fit_changes_nothing(apart: Callable[..., Apart]) -> None:
    alfa, beta = apart()
    answered = beta.answer(alfa.question("beta"))
    forged = [
        replace(answered, points=answered.points[1:]),
        replace(answered, points=(b"\xff" * 32, *answered.points[1:])),
    ]
    for wrong in forged:
        with pytest.raises(OverstapError, match="COMPARE-005"):
            alfa.read(answer_file(wrong, beta.identity, at=datetime.now(UTC)))
    assert told(alfa.ledger, "alfa") == []
    assert alfa.read(answer_file(answered, beta.identity, at=datetime.now(UTC))) == 2


def test_labels_that_cannot_be_opened_do_not_tell_who_applied(apart: Callable[..., Apart]) -> None:
    """The region that answers can make the tag of any number that it guesses, with a label that does not open.

    Were the answer refused for it, asking for a new one would say that the pupil applied here.
    """
    alfa, beta = apart()
    said = []
    for makes in (lambda one: one[:16] + bytes(len(one) - 16), lambda one: secrets.token_bytes(len(one))):
        answered = beta.answer(alfa.question("beta"))
        forged = replace(answered, labels=tuple(map(makes, answered.labels)))
        said.append(alfa.read(answer_file(forged, beta.identity, at=datetime.now(UTC))))
        assert told(alfa.ledger, "alfa") == []
    assert said == [0, 0]


def test_every_label_is_as_long_as_every_other(
    apart: Callable[..., Apart],
) -> None:
    alfa, beta = apart()
    answered = beta.answer(alfa.question("beta"))
    assert len({len(one) for one in answered.labels}) == 1
    assert len(answered.labels) == len(THERE + BOTH)


# -- commands -----------------------------------------------------------------------------------------------------


def run(at: Deployment | Ledger, trust: Path, *words: str) -> tuple[int, str]:
    """Run a command with the settings of a ledger and a trust folder; return its exit code and what it printed."""
    ledger = at.ledger if isinstance(at, Deployment) else at
    variables = {
        "OVERSTAP_LEDGER": ledger._dsn,
        "OVERSTAP_KEYS": str(ledger._where_keys_are),
        "OVERSTAP_TRUST": str(trust),
    }
    done = CliRunner(env=variables).invoke(app, ["applications", *words])
    if isinstance(done.exception, OverstapError):
        return 2, done.exception.code
    return done.exit_code, done.stdout


def test_the_command_compares_two_regions_of_one_deployment(both: Ledger, tmp_path: Path) -> None:
    asking = ("--round", f"alfa.{YEAR}.advice")
    code, said = run(both, tmp_path, "compare", *asking, "--with", "beta", "--by", "c.een", "--json")
    assert (code, json.loads(said)) == (0, {"partner": "beta", "found": 2, "found_there": 2})
    assert run(both, tmp_path, "compare", *asking, "--with", "beta", "--by", "c.een")[1].startswith("2 leerlingen zijn")
    code, said = run(both, tmp_path, "elsewhere", *asking, "--json")
    assert {(one["region"], one["school"]) for one in json.loads(said)} == {("beta", OTHER_VO)}
    code, said = run(both, tmp_path, "elsewhere", *asking)
    assert "In twee regio's aangemeld: 2 leerlingen." in said
    assert f"in regio beta {OTHER_VO}, geplaatst" in said
    assert not any(number in said for number in HERE + THERE + BOTH)
    assert run(both, tmp_path, "compare", *asking, "--with", "demo", "--by", "c.een") == (2, "COMPARE-001")


def test_the_commands_exchange_files_between_two_deployments(apart: Callable[..., Apart], tmp_path: Path) -> None:
    alfa, beta = apart()
    trust, question, answered = tmp_path / "trust", tmp_path / "vraag.cms", tmp_path / "antwoord.cms"
    here = ("--round", f"alfa.{YEAR}.advice", "--by", "c.een")
    there = ("--round", f"beta.{YEAR}.advice", "--by", "c.twee")
    code, said = run(alfa, trust, "ask", *here, "--with", "beta", "--out", str(question))
    assert (code, "vraag.cms" in said) == (0, True)
    assert run(alfa, trust, "ask", *here, "--with", "beta", "--out", str(question))[0] == 2, "no file is overwritten"
    assert len(lines(alfa.ledger, "alfa")) == 1
    assert run(beta, trust, "answer", str(question), *there, "--out", str(answered))[0] == 0
    assert run(beta, trust, "answer", str(question), *there, "--out", str(tmp_path / "x")) == (2, "COMPARE-003")
    assert run(beta, trust, "read", str(answered), *there) == (2, "COMPARE-001"), "its own answer is of no partner"
    code, said = run(alfa, trust, "read", str(answered), *here)
    assert (code, said.startswith("2 leerlingen zijn ook in regio beta aangemeld")) == (0, True)
    assert run(alfa, trust, "read", str(answered), *here) == (2, "COMPARE-002")
    assert run(alfa, trust, "read", str(tmp_path / "weg"), *here) == (2, "DOSSIER-016")
    sound(alfa.ledger, "alfa")
    sound(beta.ledger, "beta")


def test_what_a_comparison_told_goes_with_the_registrations_of_the_pupil(both: Ledger, owner_dsn: str) -> None:
    compare_regions(both, "alfa", "beta", YEAR, "c.een")
    with both.unit("alfa", "test") as unit:
        comparisons.ask(unit, YEAR, "beta")
    by_owner(both, "update overstap.round set closed_at = now() - interval '900 days'")
    with psycopg.connect(owner_dsn) as owner:
        tell_closed(owner, "alfa", f"alfa.{YEAR}.advice")
    retention.retain(both, "alfa", actor="retain", content_days=30, traces_days=60)
    with both.unit("alfa", "test") as unit:
        for table in ("application", "comparison_pseudonym", "applied_elsewhere"):
            assert unit.one(f"select count(*) from overstap.{table}") == (0,)  # noqa: S608 (names above)
        assert unit.one("select count(*) from overstap.comparison where secret is not null") == (0,)
        assert check(unit) == []
    assert lines(both, "alfa")[-1]["action"] == "comparison.forget"
    with both.unit("beta", "test") as unit:
        assert unit.one("select count(*) from overstap.comparison_pseudonym") == (5,), "the other region keeps its own"


def test_the_daily_task_compares_once_after_an_agreed_moment_and_is_skipped_otherwise(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    from overstap.orchestration.tasks import compare_regions as task

    moment = (NOW - timedelta(days=2)).isoformat()
    fill(ledger, "alfa", agreed("alfa", {"region": "beta", "at": [moment]}))
    fill(ledger, "beta", agreed("beta", "alfa"))
    monkeypatch.setenv("OVERSTAP_LEDGER", ledger._dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(ledger._where_keys_are))
    monkeypatch.setenv("OVERSTAP_REGIONS", str(tmp_path))
    with pytest.raises(AirflowSkipException):
        task("beta", YEAR)
    assert task("alfa", YEAR) == {"beta": 2}
    with pytest.raises(AirflowSkipException):
        task("alfa", YEAR)
    assert len(told(ledger, "beta")) == 2
