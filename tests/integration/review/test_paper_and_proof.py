"""Tests of the printed dossier and the signed proof, verified as a third party would."""

import io
import json
import shutil
import subprocess
from datetime import date
from pathlib import Path

import psycopg
import pypdf
import pytest
from families import REGION, Family, ReviewRound, open_review_round

from overstap.clock import now
from overstap.closing.checkpoint import make_checkpoint
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.audit import verify
from overstap.ledger.dossiers import dossiers
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.review import access_log, decisions, parent_requests
from overstap.oso.entitled_persons import EntitledReader
from overstap.oso.facts import facts_of
from overstap.oso.reading import read
from overstap.pki import TrustStore
from overstap.pki.authority import DevelopmentAuthority
from overstap.review.meeting import print_dossier
from overstap.review.people import people_of
from overstap.review.proof import ProofPack, proof_pack, signing_by_trust

VIEW = "Het advies is te laag; zie de toets van januari."


@pytest.fixture
def review_round(ledger: Ledger) -> ReviewRound:
    return open_review_round(ledger, 6)


@pytest.fixture
def trust(tmp_path: Path) -> TrustStore:
    DevelopmentAuthority(tmp_path / "trust", at=now()).conductor(REGION)
    return TrustStore(tmp_path / "trust", production=False)


def text_of(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)


def people(review_round: ReviewRound, family: Family) -> list[EntitledReader]:
    with review_round.unit() as unit:
        for content in dossiers.contents(unit, review_round.round_id, ["in_review"]):
            if content.ref.dossier == family.dossier:
                return people_of(unit.keys, facts_of(read(content.content)), date(2027, 3, 1))
    raise AssertionError("no such dossier")


def printed(review_round: ReviewRound, family: Family, person: str | None = None) -> str:
    return text_of(
        print_dossier(
            review_round.ledger,
            region=REGION,
            round_id=review_round.round_id,
            school=review_round.school,
            pupil=family.las_key,
            actor="office",
            person=person,
        )
    )


def pack(review_round: ReviewRound, trust: TrustStore, family: Family) -> ProofPack:
    return proof_pack(
        review_round.ledger,
        signing_by_trust(trust),
        region=REGION,
        round_id=review_round.round_id,
        school=review_round.school,
        pupil=family.las_key,
        actor="office",
    )


def with_two_parents(review_round: ReviewRound) -> tuple[Family, list[EntitledReader]]:
    return next((one, found) for one in review_round.families() if len(found := people(review_round, one)) > 1)


def test_a_print_for_one_parent_has_a_form_and_nothing_of_the_other(review_round: ReviewRound) -> None:
    family, (first, second, *_) = with_two_parents(review_round)
    text = printed(review_round, family, second.key)
    assert second.name in text
    assert "Inzage op school" in text
    assert "Handtekening" in text
    assert str(first.email) not in text
    assert str(second.email) in text
    with review_round.unit() as unit:
        assert [(one.purpose, one.opened_by) for one in access_log.opened(unit, family.dossier)] == [
            ("print", "office")
        ]


@pytest.mark.parametrize("pupil", ["nobody", ""])
def test_a_pupil_of_nobody_is_not_printed(review_round: ReviewRound, pupil: str) -> None:
    with pytest.raises(OverstapError, match="LEDGER-010"):
        print_dossier(
            review_round.ledger,
            region=REGION,
            round_id=review_round.round_id,
            school=review_round.school,
            pupil=pupil,
            actor="office",
        )


def answered(review_round: ReviewRound, family: Family, person: str) -> None:
    ref = VersionRef(family.dossier, 1)
    with review_round.unit("parent") as unit:
        decision = decisions.ReviewDecision("", date(2027, 1, 12), "Nee", VIEW, person=person)
        assert decisions.insert_decisions(unit, [(ref, decision)], ground="meeting") == {ref}
        parent_requests.ask(unit, ref, kind="question", text="Wie krijgt dit?", person=person)


def test_the_pack_tells_what_was_shown_answered_and_opened(review_round: ReviewRound, trust: TrustStore) -> None:
    family, (first, *_) = with_two_parents(review_round)
    review_round.give_codes([family])
    answered(review_round, family, first.key)
    make_checkpoint(review_round.ledger, trust, region=REGION, actor="close", at=now())
    files = pack(review_round, trust, family).files
    name = next(name for name in files if name.endswith(".json"))
    facts = json.loads(files[name])
    with review_round.unit() as unit:
        shown = unit.one("select digest from overstap.review_frozen where dossier = %(id)s", id=family.dossier)[0]
    assert facts["versions"][0]["shown_sha256"] == facts["versions"][0]["content_sha256"] == shown.hex()
    (answer,) = facts["answers"]
    assert (answer["view"], answer["agreed"], answer["person"]) == (VIEW, "Nee", first.key)
    assert facts["people"][first.key] == first.name
    assert facts["requests"][0]["text"] == "Wie krijgt dit?"
    assert [one["where"] for one in facts["opened"]] == ["proof_pack"], "who makes the pack is in it"
    actions = [json.loads(one["line"])["action"] for one in facts["evidence"]["lines"]]
    assert {"intake.store", "review.record", "review.code", "content.open"} <= set(actions)
    text = " ".join(text_of(files[name.replace(".json", ".pdf")]).split())
    assert first.key not in text, "people read names, and no handles"
    for words in (VIEW.split(";")[0], first.name, "Wie krijgt dit?", "nog niet gedekt", "gesprek op school"):
        assert words in text, words


def test_the_lines_in_the_pack_are_those_of_the_chain(review_round: ReviewRound, trust: TrustStore) -> None:
    family, (first, *_) = with_two_parents(review_round)
    answered(review_round, family, first.key)
    files = pack(review_round, trust, family).files
    facts = json.loads(next(content for name, content in files.items() if name.endswith(".json")))
    with review_round.unit() as unit:
        chain = unit.rows("select payload, hash from overstap.audit_line order by seq")
    assert verify(chain, region=REGION) is None
    known = {payload: digest.hex() for payload, digest in chain}
    assert all(known[one["line"]] == one["sha256"] for one in facts["evidence"]["lines"])


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
def test_anybody_proves_it_with_openssl(review_round: ReviewRound, trust: TrustStore, tmp_path: Path) -> None:
    family = review_round.families()[0]
    files = pack(review_round, trust, family).files
    assert sorted(name.partition(".")[2] for name in files) == ["json", "json.p7s", "pdf", "pdf.p7s"]
    folder = tmp_path / "pack"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)

    def proves(name: str) -> bool:
        command = [
            *("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", folder / f"{name}.p7s"),
            *("-content", folder / name, "-CAfile", trust.authorities_file(at=now()), "-purpose", "any"),
            *("-out", tmp_path / "out"),
        ]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    for name in (one for one in files if not one.endswith(".p7s")):
        assert proves(name)
        content = bytearray(files[name])
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)
        assert not proves(name)


def test_without_the_conductors_key_nothing_is_opened(
    review_round: ReviewRound, tmp_path: Path, owner_dsn: str
) -> None:
    DevelopmentAuthority(tmp_path / "other", at=now()).conductor("beta")
    with pytest.raises(OverstapError, match="TRUST-"):
        pack(review_round, TrustStore(tmp_path / "other", production=False), review_round.families()[0])
    with psycopg.connect(owner_dsn) as connection:
        assert connection.execute("select count(*) from overstap.content_access").fetchone() == (0,)
