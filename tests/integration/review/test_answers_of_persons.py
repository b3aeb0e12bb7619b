"""Tests of a person's own decision, which only that person replaces, and whose view is always sent along."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pypdf
import pytest
from families import REGION, Family, Home, ReviewRound, home, open_review_round
from served import Parent, Served

from overstap.clock import dutch_time, now
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.region_keys import EncryptedContent
from overstap.ledger.review import decisions
from overstap.ledger.review.decisions import DecisionOutcomes, ReviewDecision
from overstap.oso.model import Dossier
from overstap.oso.tree import Node
from overstap.pki import TrustStore
from overstap.pki.authority import DevelopmentAuthority
from overstap.review.decisions import DecisionList
from overstap.review.inviting import invite
from overstap.review.proof import proof_pack, signing_by_trust
from overstap.review.recording import record_list
from overstap.review.renewal import renew_after_release
from overstap_tools.local.postgres import EmbeddedPostgres

IMMATERIAL = frozenset({"communicatie/nummer"})
VIEW, ON_PAPER = "Wij vinden het advies te laag.", "Op papier: kijk ook naar de toets van januari."


@pytest.fixture(scope="module")
def at_home(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Home]:
    with home(postgres, tmp_path_factory.mktemp("persons"), ledger_template) as found:
        yield found


@pytest.fixture(scope="module")
def review_round(at_home: Home) -> ReviewRound:
    found = open_review_round(at_home.ledger, 24, immaterial=IMMATERIAL)
    invite(at_home.ledger, region=REGION, round_id=found.round_id, actor="invite", address="https://x.example")
    return found


@pytest.fixture(scope="module")
def served(at_home: Home, review_round: ReviewRound, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    found = Served(at_home.review_dsn, tmp_path_factory.mktemp("served") / "review.log").start()
    yield found
    found.kill()


def school_records(
    review_round: ReviewRound,
    family: Family,
    agreed: str,
    view: str | None = None,
    person: str | None = None,
    ground: str = "meeting",
) -> DecisionOutcomes:
    with review_round.unit("school:j.jansen") as unit:
        stated = ReviewDecision(family.pupil_number, dutch_time(now()).date(), agreed, view, person=person)
        return decisions.record(unit, review_round.round_id, review_round.school, [stated], ground=ground)


def leaves(review_round: ReviewRound, family: Family) -> tuple[str, list[str]]:
    """Return what would leave: the answer that stands in the dossier, and the views."""
    with review_round.unit() as unit:
        agreed, key_ids, views = unit.one(
            "select case when bool_or(agreed = 'Nee') filter (where decides) then 'Nee' "
            "when bool_or(agreed = 'Ja') filter (where decides) then 'Ja' else 'Onbekend' end, "
            "coalesce(array_agg(key_id order by recorded_at) filter (where travels), '{}'), "
            "coalesce(array_agg(view order by recorded_at) filter (where travels), '{}') "
            "from overstap.counted_decision c join overstap.dossier d on d.dossier = c.dossier "
            "and d.version = c.number "
            "where c.dossier = %(id)s",
            id=family.dossier,
        )
        version = unit.one("select version from overstap.dossier where dossier = %(id)s", id=family.dossier)[0]
        return agreed, [
            unit.keys.decrypt(EncryptedContent(key_id, view), f"view/{family.dossier}/{version}").decode()
            for key_id, view in zip(key_ids, views, strict=True)
        ]


def has_listed_phone(dossier: Dossier) -> bool:
    carer = (dossier.pupil or Node()).blocks("verzorger")[0]
    contact = carer.blocks("communicatielijst")[0].blocks("communicatie")[0]
    return contact.text("geheim") != "true" and carer.text("adresgeheim") != "true"


def page_text(parent: Parent, page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", parent.get(page).text))


def test_a_school_cannot_overwrite_what_a_parent_answered(review_round: ReviewRound, served: Served) -> None:
    family = review_round.take()
    person = family.persons[0]
    parent = Parent(served.address)
    parent.enter(family)
    parent.decide("oneens", VIEW)
    assert leaves(review_round, family) == ("Nee", [VIEW])

    for ground in ("meeting", "school_list", "school_single", "paper_list", "paper_view"):
        assert school_records(review_round, family, "Ja", person=person, ground=ground).answered == (0,)
        assert school_records(review_round, family, "Onbekend", person=person, ground=ground).answered == (0,)
    assert leaves(review_round, family) == ("Nee", [VIEW])
    receipt = page_text(parent, "ontvangstbewijs")
    assert "U hebt het dossier gezien en u bent het er niet mee eens" in receipt
    assert VIEW in receipt

    # A view on paper is added: it takes away neither the answer nor the view
    assert school_records(review_round, family, "Ja", ON_PAPER, person=person, ground="paper_view").recorded == (0,)
    assert leaves(review_round, family) == ("Nee", [VIEW, ON_PAPER])
    shown = page_text(parent, "overzicht")
    assert "een zienswijze op papier" in shown
    assert "Dit verandert uw eigen antwoord niet" in shown
    assert ON_PAPER in page_text(parent, "ontvangstbewijs"), "what was written down for the person can be read by them"
    parent.decide("eens")
    assert leaves(review_round, family) == ("Ja", [ON_PAPER]), (
        "the person replaces their own answer, and takes back their view"
    )


def test_a_list_for_the_family_outvotes_nobody(review_round: ReviewRound, served: Served) -> None:
    family = review_round.take(carers=2)
    first = Parent(served.address)
    first.enter(family)
    first.decide("oneens", VIEW)
    # There is somebody who gave no answer: for that one the school may speak
    assert school_records(review_round, family, "Ja", ground="school_list").recorded == (0,)
    assert leaves(review_round, family) == ("Nee", [VIEW])
    second = Parent(served.address)
    second.enter(family, 1)
    second.decide("eens")
    assert leaves(review_round, family) == ("Nee", [VIEW])
    # Now everybody spoke, and the school speaks for nobody
    assert school_records(review_round, family, "Onbekend", ground="school_list").answered == (0,)
    listed = DecisionList([ReviewDecision(family.las_key, dutch_time(now()).date(), "Nee", None)], [2], [])
    told: list[int] = []
    outcome = record_list(
        review_round.ledger,
        region=REGION,
        round_id=review_round.round_id,
        school=review_round.school,
        actor="school:j.jansen",
        listed=listed,
        ground="school_list",
        advance=told.append,
    )
    assert told == [1]
    assert [(one.line, one.code) for one in outcome.refused] == [(2, "REVIEW-015")]
    first.decide("eens", VIEW)
    assert leaves(review_round, family) == ("Ja", [VIEW]), (
        "what the school recorded for the family says nothing any more"
    )


def test_whoever_signs_in_with_a_new_code_takes_no_view_away(review_round: ReviewRound, served: Served) -> None:
    """The school prints a new letter and answers in the parent's name: the parent's view goes, and all of it shows."""
    family = review_round.take()
    parent = Parent(served.address)
    parent.enter(family)
    parent.decide("oneens", VIEW)
    review_round.give_codes([family])
    other = Parent(served.address)
    other.enter(family)
    other.decide("eens")
    assert leaves(review_round, family) == ("Ja", [VIEW])
    receipt = page_text(other, "ontvangstbewijs")
    assert "met een eerdere code" in receipt
    assert VIEW in receipt
    log = page_text(other, "logboek")
    assert log.count("maakte een code voor u") == 2
    assert log.count("Die code werkt niet meer sinds") == 1
    assert "Het is hier bekeken met een eerdere code van u" in log


def test_a_view_that_the_school_wrote_down_stays_after_a_list_without_it(review_round: ReviewRound) -> None:
    family = review_round.take()
    assert school_records(review_round, family, "Nee", ON_PAPER, person=family.persons[0], ground="paper_view").recorded
    assert school_records(review_round, family, "Ja", person=family.persons[0], ground="school_list").recorded
    assert school_records(review_round, family, "Ja", ON_PAPER + " (2)", ground="paper_view").recorded
    assert school_records(review_round, family, "Ja", ground="school_list").recorded
    assert leaves(review_round, family) == ("Ja", [ON_PAPER, ON_PAPER + " (2)"])


def test_who_recorded_what_on_which_ground_is_told(review_round: ReviewRound, served: Served, tmp_path: Path) -> None:
    family = review_round.take(carers=2)
    person = family.persons[0]
    assert school_records(review_round, family, "Nee", ON_PAPER, person=person, ground="paper_view").recorded
    assert school_records(review_round, family, "Ja", "Van de ander.", ground="paper_list").recorded
    parent = Parent(served.address)
    parent.enter(family)
    shown = page_text(parent, "overzicht")
    for words in ("vulde de school dit antwoord voor u in", "een zienswijze op papier", "voor de ouders samen"):
        assert words in shown
    assert "een papieren lijst met handtekeningen" in shown
    assert "Van de ander." not in shown + page_text(parent, "ontvangstbewijs"), "it may be the other parent's"
    file = parent.http.get("/nl/ontvangstbewijs.pdf").content
    paper = " ".join(" ".join(one.extract_text() for one in pypdf.PdfReader(io.BytesIO(file)).pages).split())
    for words in ("De school, voor u", "een zienswijze op papier", ON_PAPER, "De school, voor de ouders samen"):
        assert words in paper
    parent.decide("eens")
    assert leaves(review_round, family)[0] == "Ja"

    DevelopmentAuthority(tmp_path / "trust", at=now()).conductor(REGION)
    pack = proof_pack(
        review_round.ledger,
        signing_by_trust(TrustStore(tmp_path / "trust", production=False)),
        region=REGION,
        round_id=review_round.round_id,
        school=review_round.school,
        pupil=family.dossier,
        actor="school:j.jansen",
        person=person,
    )
    facts = json.loads(next(content for name, content in pack.files.items() if name.endswith(".json")))
    told = [(one["ground"], one["recorded_by"], one["counts"], one["code"] is not None) for one in facts["answers"]]
    assert told == [
        ("paper_view", "school:j.jansen", False, False),
        ("paper_list", "school:j.jansen", True, False),
        ("parent_page", person, True, True),
    ]
    actions = [json.loads(one["line"])["detail"].get("ground") for one in facts["evidence"]["lines"]]
    assert "paper_view" in actions, "the evidence of what was recorded for the person is in the person's own proof"


def test_an_answer_stays_the_persons_own_in_a_newer_version(review_round: ReviewRound, served: Served) -> None:
    family = review_round.take(fits=has_listed_phone)
    parent = Parent(served.address)
    parent.enter(family)
    parent.decide("oneens", VIEW)

    def another_phone(pupil) -> None:
        pupil["verzorger"][0]["communicatielijst"][0]["communicatie"][0]["nummer"] = ["0612345678"]

    review_round.supply(review_round.changed(family, another_phone))
    review_round.release()
    renew_after_release(review_round.ledger, REGION, review_round.round_id, "release")
    with review_round.unit() as unit:
        rows = unit.rows(
            "select number, ground, access is not null from overstap.review_decision where dossier = %(id)s "
            "order by number",
            id=family.dossier,
        )
    assert rows == [(1, "parent_page", True), (2, "carried", True)]
    assert school_records(review_round, family, "Ja", person=family.persons[0]).answered == (0,)
    assert leaves(review_round, family) == ("Nee", [VIEW])


@pytest.mark.parametrize("ground", ["parent_page", "carried", "meeting"])
def test_the_regions_login_gives_no_answer_in_a_persons_name(review_round: ReviewRound, ground: str) -> None:
    family = review_round.take()
    columns = "region, dossier, number, seen_on, agreed, recorded_by, ground, person, access"
    values = ["alfa", family.dossier, 1, dutch_time(now()).date(), "Ja", "x", ground, family.persons[0], family.dossier]
    for left_out in (0, 1):  # with a code, and without
        given = values[: len(values) - left_out]
        names = ", ".join(columns.split(", ")[: len(given)])
        with pytest.raises(psycopg.errors.InsufficientPrivilege), review_round.unit() as unit:
            unit.connection.execute(
                f"insert into overstap.review_decision ({names}) values ({', '.join(['%s'] * len(given))})",  # noqa: S608
                given,
            )
    if ground == "meeting":
        return  # that is what a school states, by the function for it, and counts as such
    decided = decisions.ReviewDecision("x", dutch_time(now()).date(), "Ja", None, person=family.persons[0])
    with pytest.raises(psycopg.errors.CheckViolation), review_round.unit() as unit:
        decisions.insert_decisions(unit, [(VersionRef(family.dossier, 1), decided)], ground=ground)
