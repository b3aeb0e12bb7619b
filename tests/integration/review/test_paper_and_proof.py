"""A dossier on paper for a meeting, and the signed proof of what happened; read back as a stranger would."""

import io
import json
import shutil
import subprocess
from datetime import date
from pathlib import Path

import psycopg
import pypdf
import pytest
from families import REGION, Family, Place, open_place

from overstap.clock import now
from overstap.closing.checkpoint import make_checkpoint
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.audit import verify
from overstap.ledger.dossiers import dossiers
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.review import access_log, decisions, parent_requests
from overstap.oso.facts import facts_of
from overstap.oso.people import Entitled
from overstap.oso.reading import read
from overstap.pki import TrustStore
from overstap.pki.authority import DevelopmentAuthority
from overstap.review.meeting import print_dossier
from overstap.review.people import people_of
from overstap.review.proof import ProofPack, proof_pack

VIEW = "Het advies is te laag; zie de toets van januari."


@pytest.fixture
def place(ledger: Ledger) -> Place:
    return open_place(ledger, 6)


@pytest.fixture
def trust(tmp_path: Path) -> TrustStore:
    DevelopmentAuthority(tmp_path / "trust", at=now()).conductor(REGION)
    return TrustStore(tmp_path / "trust", production=False)


def text_of(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)


def people(place: Place, family: Family) -> list[Entitled]:
    with place.unit() as unit:
        for content in dossiers.contents(unit, place.round_id, ["in_review"]):
            if content.ref.dossier == family.dossier:
                return people_of(unit.keys, facts_of(read(content.content)), date(2027, 3, 1))
    raise AssertionError("no such dossier")


def printed(place: Place, family: Family, person: str | None = None) -> str:
    return text_of(
        print_dossier(
            place.ledger,
            region=REGION,
            round_id=place.round_id,
            school=place.school,
            pupil=family.las_key,
            actor="office",
            person=person,
        )
    )


def pack(place: Place, trust: TrustStore, family: Family) -> ProofPack:
    return proof_pack(
        place.ledger,
        trust,
        region=REGION,
        round_id=place.round_id,
        school=place.school,
        pupil=family.las_key,
        actor="office",
    )


def with_two_parents(place: Place) -> tuple[Family, list[Entitled]]:
    return next((one, found) for one in place.families() if len(found := people(place, one)) > 1)


def test_a_print_for_one_parent_has_a_form_and_nothing_of_the_other(place: Place) -> None:
    family, (first, second, *_) = with_two_parents(place)
    text = printed(place, family, second.key)
    assert second.name in text
    assert "Inzage op school" in text
    assert "Handtekening" in text
    assert str(first.email) not in text
    assert str(second.email) in text
    with place.unit() as unit:
        assert [(one.purpose, one.opened_by) for one in access_log.opened(unit, family.dossier)] == [
            ("print", "office")
        ]


@pytest.mark.parametrize("pupil", ["nobody", ""])
def test_a_pupil_of_nobody_is_not_printed(place: Place, pupil: str) -> None:
    with pytest.raises(OverstapError, match="LEDGER-010"):
        print_dossier(
            place.ledger, region=REGION, round_id=place.round_id, school=place.school, pupil=pupil, actor="office"
        )


def answered(place: Place, family: Family, person: str) -> None:
    ref = VersionRef(family.dossier, 1)
    with place.unit("parent") as unit:
        decision = decisions.ReviewDecision("", date(2027, 1, 12), "Nee", VIEW, person=person)
        assert decisions.insert_decisions(unit, [(ref, decision)], ground="meeting") == {ref}
        parent_requests.ask(unit, ref, kind="question", text="Wie krijgt dit?", person=person)


def test_the_pack_tells_what_was_shown_answered_and_opened(place: Place, trust: TrustStore) -> None:
    family, (first, *_) = with_two_parents(place)
    place.give_codes([family])
    answered(place, family, first.key)
    make_checkpoint(place.ledger, trust, region=REGION, actor="close", at=now())
    files = pack(place, trust, family).files
    name = next(name for name in files if name.endswith(".json"))
    facts = json.loads(files[name])
    with place.unit() as unit:
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


def test_the_lines_in_the_pack_are_those_of_the_chain(place: Place, trust: TrustStore) -> None:
    family, (first, *_) = with_two_parents(place)
    answered(place, family, first.key)
    files = pack(place, trust, family).files
    facts = json.loads(next(content for name, content in files.items() if name.endswith(".json")))
    with place.unit() as unit:
        chain = unit.rows("select payload, hash from overstap.audit_line order by seq")
    assert verify(chain, region=REGION) is None
    known = {payload: digest.hex() for payload, digest in chain}
    assert all(known[one["line"]] == one["sha256"] for one in facts["evidence"]["lines"])


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
def test_anybody_proves_it_with_openssl(place: Place, trust: TrustStore, tmp_path: Path) -> None:
    family = place.families()[0]
    files = pack(place, trust, family).files
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


def test_without_the_conductors_key_nothing_is_opened(place: Place, tmp_path: Path, owner_dsn: str) -> None:
    DevelopmentAuthority(tmp_path / "other", at=now()).conductor("beta")
    with pytest.raises(OverstapError, match="TRUST-"):
        pack(place, TrustStore(tmp_path / "other", production=False), place.families()[0])
    with psycopg.connect(owner_dsn) as connection:
        assert connection.execute("select count(*) from overstap.content_access").fetchone() == (0,)
