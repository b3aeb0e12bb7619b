"""Tests of the review commands, which ask for personal data and do not echo it."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pypdf
import pytest
from click.testing import Result
from families import REGION, ReviewRound, open_review_round
from test_inviting import agreed
from typer.testing import CliRunner

from overstap.cli import app
from overstap.clock import dutch_time, now
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.pages.school.passwords import verify
from overstap.pki.authority import DevelopmentAuthority


@pytest.fixture
def review_round(ledger: Ledger) -> ReviewRound:
    return open_review_round(ledger, 4, **agreed())


@pytest.fixture
def run(
    review_round: ReviewRound, app_dsn: str, keys_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Any:
    DevelopmentAuthority(tmp_path / "trust", at=now()).conductor(REGION)
    monkeypatch.setenv("OVERSTAP_LEDGER", app_dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(keys_folder))
    monkeypatch.setenv("OVERSTAP_TRUST", str(tmp_path / "trust"))

    def call(*words: str, typed: str = "", fails: str = "") -> Result:
        result = CliRunner().invoke(app, list(words), input=typed)
        if fails:
            assert isinstance(result.exception, OverstapError), result.output
            assert result.exception.code == fails
        else:
            assert result.exit_code == 0, (result.output, result.exception)
        return result

    return call


def test_from_invitation_to_proof(review_round: ReviewRound, run: Any, tmp_path: Path) -> None:
    who = ("--region", REGION, "--round", review_round.round_id)
    school = (*who, "--school", review_round.school)
    family = review_round.families()[0]
    assert "mails" in run("review", "invite", *who, "--by", "beheer").output
    assert "niets nieuws" in run("review", "invite", *who, "--by", "beheer").output

    out = tmp_path / "brieven.pdf"
    said = run("review", "letters", *school, "--by", "kantoor", "--out", str(out)).output
    count = len(pypdf.PdfReader(out).pages)
    assert f"{count} brieven in brieven.pdf" in said
    assert out.stat().st_mode & 0o077 == 0
    run("review", "letters", *school, "--by", "kantoor", "--out", str(out), fails="REVIEW-028")
    assert "geen brieven" in run("review", "letters", *school, "--by", "k", "--out", str(tmp_path / "x.pdf")).output
    again = ("review", "letters", *school, "--by", "kantoor", "--again", "--out", str(tmp_path / "weer.pdf"))
    run(*again, typed="bestaat-niet\n\n", fails="LEDGER-010")
    assert f"{len(family.persons)} brieven" in run(*again, typed=f"{family.las_key}\n\n").output

    listed = tmp_path / "lijst.csv"
    listed.write_text(
        f"leerlingid;inzagedatum;akkoord;zienswijze\n{family.las_key};{dutch_time(now()):%Y-%m-%d};Nee;Anders.\n"
    )
    told = run("review", "record", str(listed), *school, "--by", "kantoor", "--ground", "paper_list").output
    assert "vastgelegd: 1" in told
    run("review", "record", str(listed), *school, "--by", "kantoor", "--ground", "parent_page", fails="REVIEW-014")

    run("review", "print", *school, "--by", "kantoor", "--out", str(tmp_path / "af.pdf"), typed=f"{family.las_key}\n")
    assert "Inzage op school" in pypdf.PdfReader(tmp_path / "af.pdf").pages[-1].extract_text()
    made = run(
        "review", "proof", *school, "--by", "kantoor", "--out", str(tmp_path / "pak"), typed=family.las_key + "\n"
    )
    facts = json.loads(next((tmp_path / "pak").glob("*.json")).read_text())
    assert facts["answers"][0]["ground"] == "paper_list"
    assert len(facts["letters"]) == 2 * len(family.persons)
    assert family.surname not in made.output
    assert family.las_key not in made.output


def test_accounts_of_schools(review_round: ReviewRound, run: Any, owner_dsn: str) -> None:
    who = ("--region", REGION, "--by", "beheer")
    make = (
        "school",
        "account",
        "J.Jansen@school.example",
        *who,
        "--school",
        review_round.school,
        "--name",
        "J. Jansen",
    )
    run(*make, typed="kort\nkort\n", fails="SCHOOL-003")
    assert "gemaakt" in run(*make, typed="vier woorden op papier\n" * 2).output
    assert "nieuw wachtwoord" in run(*make, typed="vijf woorden op het papier\n" * 2).output
    with psycopg.connect(owner_dsn) as owner:
        [(kept,)] = owner.execute("select password from overstap.school_account").fetchall()
    assert verify("vijf woorden op het papier", kept)
    assert not verify("vier woorden op papier", kept)
    assert not verify("", None)
    other = ("school", "account", "J.Jansen@school.example", *who, "--school", review_round.region.secondary[0].id)
    run(*other, "--name", "x", typed="vier woorden op papier\n" * 2, fails="SCHOOL-002")
    odd = ("school", "account", "twee woorden", *who, "--school", review_round.school, "--name", "x")
    run(*odd, typed="vier woorden op papier\n" * 2, fails="SCHOOL-002")
    assert "j.jansen@school.example J. Jansen" in run("school", "list", "--region", REGION).output
    assert "beëindigd" in run("school", "end", "j.jansen@school.example", *who).output
    assert "(beëindigd)" in run("school", "list", "--region", REGION).output
