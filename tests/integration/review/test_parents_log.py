"""Tests of the parents' access history and proof, without data of other parents."""

import io
import json
import zipfile
from pathlib import Path
from uuid import uuid4

import psycopg
import pypdf
import pytest
from families import REGION, Family, Home, ReviewRound
from served import Parent, Served, hidden, title

from overstap.clock import now
from overstap.ledger.audit import verify
from overstap.ledger.dossiers import dossiers
from overstap.ledger.review import proof_requests
from overstap.oso.facts import facts_of
from overstap.oso.reading import read
from overstap.pki import TrustStore
from overstap.pki.authority import DevelopmentAuthority
from overstap.review.meeting import print_dossier
from overstap.review.people import people_of
from overstap.review.proof import give_proof, signing_by_trust


@pytest.fixture
def family(review_round: ReviewRound) -> Family:
    """Two carers, with codes."""
    return review_round.take(2)


@pytest.fixture
def trust(tmp_path: Path) -> TrustStore:
    DevelopmentAuthority(tmp_path / "trust", at=now()).conductor(REGION)
    return TrustStore(tmp_path / "trust", production=False)


def names(review_round: ReviewRound, family: Family) -> list[str]:
    with review_round.unit() as unit:
        content = next(
            one
            for one in dossiers.contents(unit, review_round.round_id, ["in_review", "inspected"])
            if one.ref.dossier == family.dossier
        )
        return [one.name for one in people_of(unit.keys, facts_of(read(content.content)), now().date())]


def make(review_round: ReviewRound, trust: TrustStore, wish: proof_requests.ProofRequest) -> bool:
    return give_proof(
        review_round.ledger,
        signing_by_trust(trust),
        region=REGION,
        round_id=review_round.round_id,
        school=review_round.school,
        actor="school:office",
        access=wish.access,
    )


def wishes(review_round: ReviewRound) -> list[proof_requests.ProofRequest]:
    with review_round.unit() as unit:
        return proof_requests.open_requests(unit, review_round.round_id, review_round.school)


def deliver(owner: psycopg.Connection, review_round: ReviewRound, family: Family) -> str:
    """Leave the rows of a delivery that was confirmed and imported."""
    receiver, message = review_round.agreement.secondary_schools[0], uuid4()
    owner.execute(
        "insert into overstap.delivery (message_id, region, round_id, dossier, number, secondary_school, state, "
        "envelope, envelope_digest, manifest_digest, files_digest) "
        "values (%s, %s, %s, %s, 1, %s, 'confirmed', '', sha256('a'), "
        "sha256('b'), sha256('c'))",
        [message, REGION, review_round.round_id, family.dossier, receiver.id],
    )
    owner.execute(
        "insert into overstap.receipt (region, message_id, digest, content, outcome) "
        "values (%s, %s, sha256('d'), '', 'accepted')",
        [REGION, message],
    )
    owner.execute(
        "insert into overstap.result (region, message_id, kind, outcome, stated_at, digest, content) "
        "values (%s, %s, 'import', 'imported', now(), sha256('e'), '')",
        [REGION, message],
    )
    return str(receiver.name)


def undeliver(owner: psycopg.Connection, family: Family) -> None:
    """Take these rows away again: nothing was sealed, and other tests ask whether the ledger is in order."""
    for table in ("result", "receipt"):
        owner.execute(
            f"delete from overstap.{table} where message_id in "  # noqa: S608 (named here)
            "(select message_id from overstap.delivery where dossier = %s)",
            [family.dossier],
        )
    owner.execute("delete from overstap.delivery where dossier = %s", [family.dossier])


def test_a_parent_sees_who_opened_it_and_gets_a_proof_of_their_own(
    review_round: ReviewRound, family: Family, served: Served, trust: TrustStore, at_home: Home
) -> None:
    one, other = Parent(served.address), Parent(served.address)
    one.enter(family)
    assert "U hebt het hier bekeken." in one.get("logboek").text
    other.enter(family, 1)
    other.decide("oneens", "Wat de andere ouder vindt")
    one.decide("oneens", "Wat deze ouder vindt")
    print_dossier(
        review_round.ledger,
        region=REGION,
        round_id=review_round.round_id,
        school=review_round.school,
        pupil=family.las_key,
        actor="school:office",
    )
    log = one.get("logboek")
    assert title(log) == "Wie opende het dossier?"
    assert log.text.count("U hebt het hier bekeken.") == 1, "what the other parent did is not shown"
    assert "heeft het geprint" in log.text
    assert "nog naar geen enkele school gestuurd" in log.text
    assert "You looked at it here." in one.http.get("/en/logboek").text

    # Asked twice, it is asked once; only with the form of one's own stay; and a GET asks nothing.
    assert one.http.get("/nl/bewijs").status_code in (404, 405)
    assert "Vraag om het bewijs" in one.http.post("/nl/bewijs", data={"formulier": "another"}).text
    assert wishes(review_round) == []
    for _ in range(2):
        asked = one.http.post("/nl/bewijs", data={"formulier": _form(log.text)})
        assert "om het bewijs gevraagd" in asked.text
    [wish] = wishes(review_round)
    assert one.http.get("/nl/bewijs.zip").status_code == 404
    assert make(review_round, trust, wish)
    assert not make(review_round, trust, wish), "made once"
    assert wishes(review_round) == []

    made = one.http.get("/nl/bewijs.zip")
    assert (made.status_code, made.headers["content-type"]) == (200, "application/zip")
    assert other.http.get("/nl/bewijs.zip").status_code == 404
    with zipfile.ZipFile(io.BytesIO(made.content)) as package:
        files = {name.partition(".")[2]: package.read(name) for name in package.namelist()}
    assert set(files) == {"json", "json.p7s", "pdf", "pdf.p7s"}
    facts = json.loads(files["json"])
    mine, theirs = names(review_round, family)
    paper = "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(files["pdf"])).pages)
    for text in (files["json"].decode(), paper):
        assert "Wat deze ouder vindt" in text
        assert mine in text
        for foreign in (family.persons[1], theirs, "Wat de andere ouder vindt"):
            assert foreign not in text
    assert [one["where"] for one in facts["opened"]] == ["parent_page", "print", "proof_pack"]
    assert {json.loads(one["line"])["action"] for one in facts["evidence"]["lines"]} >= {
        "review.record",
        "content.open",
    }

    # After the window: no content any more, but the log, where it went, and the proof.
    with psycopg.connect(at_home.owner_dsn, autocommit=True) as owner:
        receiver = deliver(owner, review_round, family)
        owner.execute(
            "update overstap.dossier set review_closes_at = clock_timestamp() where dossier = %s", [family.dossier]
        )
    late = Parent(served.address)
    closed = late.enter(family)
    assert (closed.status_code, title(closed)) == (403, "De inzagetermijn is voorbij")
    assert family.surname not in closed.text
    log = late.get("logboek")
    assert receiver in log.text
    for words in (
        "bevestigde de ontvangst",
        "in de eigen administratie gezet",
        "U hebt het dossier gezien en u bent het er niet mee eens",
        "een bewijs van inzage gemaakt",
    ):
        assert words in log.text, words
    assert family.surname not in log.text
    assert late.http.get("/nl/bewijs.zip").content == made.content
    for page in ("dossier", "dossier.pdf", "antwoord", "ontvangstbewijs", "overzicht"):
        assert late.get(page).status_code == 403, page
    with psycopg.connect(at_home.owner_dsn, autocommit=True) as owner:
        undeliver(owner, family)
    with review_round.unit() as unit:
        assert verify(unit.rows("select payload, hash from overstap.audit_line order by seq"), region=REGION) is None


def test_a_new_code_does_not_open_what_was_made_for_the_old(
    review_round: ReviewRound, family: Family, served: Served, trust: TrustStore
) -> None:
    parent = Parent(served.address)
    parent.enter(family)
    parent.http.post("/nl/bewijs", data={"formulier": _form(parent.get("logboek").text)})
    [wish] = wishes(review_round)
    review_round.give_codes([family])
    assert wishes(review_round) == [], "the code that asked has ended"
    assert not make(review_round, trust, wish)
    assert title(parent.get("logboek")) == "U bent uitgelogd"
    again = Parent(served.address)
    again.enter(family)
    assert "Vraag om het bewijs" in again.get("logboek").text
    assert again.http.get("/nl/bewijs.zip").status_code == 404


def _form(page: str) -> str:
    return hidden(page, "/nl/uitloggen")["formulier"]
