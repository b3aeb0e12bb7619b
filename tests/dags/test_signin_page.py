"""Tests of the sign-in page by password in Dutch, from Flask-AppBuilder with our configuration."""

import re
from pathlib import Path

from .sign_ins import SignIns


def test_the_page_is_dutch(sign_ins: SignIns, tmp_path: Path) -> None:
    with (tmp_path / "errors").open("w+") as errors:
        process = sign_ins.begin("show_page", tmp_path, errors)
        with process.asking, process.answers:
            told = process.answers.read()
        errors.seek(0)
        told_beside = errors.read()
    _, status, page = told.partition("RESULT ")[2].partition("200")
    assert status == "200", (told + told_beside)[-2000:]
    shown = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "Voer uw gebruikersnaam en wachtwoord in" in shown
    assert "Wachtwoord" in shown
