"""Dutch that people read uses one word for each concept: the word that docs/glossary.md and the screens have."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from overstap.resources import INCLUDE
from overstap.texts import TEXTS

PROJECT = Path(__file__).resolve().parents[2]
CHOSEN = {
    r"leerlingadministratiesysteem|administratiesysteem|schoolsysteem|leerlingvolgsysteem": "leerlingadministratie",
    r"ouderpagina": "oudersite",
    r"inleveren": "aanleveren, of sturen",
    r"afgelever\w*|aflever\w*|verzenden|verzonden": "versturen",
    r"ligt klaar|liggen klaar|klaargelegd": "staat klaar",
    r"ijkpunt\w*": "controlepunt",
    r"bewijsboek": "bewijs van de regio",
    r"ontvangstbevestiging\w*": "ontvangstbewijs",
    r"inzageperiode": "inzagetermijn",
    r"verstreken": "voorbij",
    r"gezin|gezinnen": "ouders, of ouders of leerling",
    r"reager\w+|reageer\w*|reacties?": "antwoorden, antwoord",
    r"reservekopie\w*": "back-up",
    r"tweede factor": "tweede stap",
    r"pagina['’]s voor scholen": "schoolpagina's",
    r"aanmelddienst": "inlogdienst",
    r"terughalen|teruggehaald|haal(?:t|en)? het terug": "intrekken",
    r"hooguit": "hoogstens",
    r"(?:een|de|deze|die|nieuwe) stand(?! van)": "status",
    r"rekenprogramma|rekenblad": "Excel of een ander spreadsheetprogramma",
    r"loket": "aanvraagpunt van de regio",
    r"gemerkt": "aangeven",
    r"wettelijke vertegenwoordiger\w*": "wettelijk vertegenwoordiger",
    r"loopt af|loopt \w+ af|afloopt": "verloopt",
    r"geweigerde? bestand\w*|onbruikbare? bestand\w*": "onleesbaar bestand",
    r"bijsturen": "momenten verzetten",
    r"wissen|wist|gewist": "laten uitvoeren (knop Wis), of verwijderen",
    r"trechter|stortvloed|vastlopen|kapotmaken|zwijgt": "no figure of speech",
    r"haar|hem": "the noun again",
    r"ronde is gesloten|ronde had gesloten|ronde gesloten": "afgesloten",
    r"teruggenomen dossiers?": "ingetrokken dossier",
    r"ENOENT": "what is wrong with the file, in words",
    r"wat te doen|wie te bellen": "wat u doet, wie u belt",
    r"meer dan een(?! (?:jaar|uur))|minstens een|elk een keer|kies een van|(?:kiest?|laat|haal) er een": "één",
}
"""Words that stood there, and the ones that are written instead."""
MAY = {
    "texts/system.yaml": "the names of the operating system's faults are its keys",
    "texts/synth/words.yaml": "words of made-up dossiers",
    "texts/agreements/dutch.yaml": "words that a coordinator may write in a file",
}
"""Files in which they may stand."""


def walk(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in part.items():
            if name not in ("en", "do_en"):
                yield from walk(value)
    elif isinstance(part, list):
        for value in part:
            yield from walk(value)
    elif isinstance(part, str):
        yield part


def dutch() -> Iterator[tuple[str, str]]:
    for path in sorted([*TEXTS.rglob("*.yaml"), *TEXTS.rglob("*.json"), *(INCLUDE / "templates").rglob("*.yaml")]):
        where = path.relative_to(INCLUDE).as_posix()
        if where in MAY or where == "texts/review/en.yaml":
            continue
        text = path.read_text(encoding="utf-8")
        for found in walk(json.loads(text) if path.suffix == ".json" else yaml.load(text, yaml.CSafeLoader)):
            yield where, found
    for path in sorted((INCLUDE / "templates").rglob("*.j2")):
        if path.parent.name not in ("dossier", "deployment"):
            text = re.sub(r"\{#.*?#\}|\{%.*?%\}|<style.*?</style>", " ", path.read_text(encoding="utf-8"), flags=re.S)
            yield path.relative_to(INCLUDE).as_posix(), re.sub(r"<[^>]*>", " ", text)
    for path in sorted((PROJECT / "docs" / "nl").rglob("*.md")):
        yield path.name, path.read_text(encoding="utf-8")
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    yield "README.md", readme.partition("## Voor coördinatoren")[2].partition("\n## ")[0]


@cache
def said() -> list[tuple[str, str]]:
    return list(dutch())


@pytest.mark.parametrize("word", CHOSEN)
def test_no_second_word_is_written(word: str) -> None:
    found = re.compile(rf"\b(?:{word})\b", re.IGNORECASE)
    assert [(where, text[:120]) for where, text in said() if found.search(text)] == [], CHOSEN[word]


def test_every_place_is_read() -> None:
    places = {where for where, _ in said()}
    assert len(said()) > 3000
    assert {"README.md", "vrijgeven.md", "dpia.md", "texts/review/nl.yaml", "templates/board/round.html.j2"} <= places
    assert all((INCLUDE / where).exists() for where in MAY)
    assert "Wacht er een vraag op u" in dict(said())["README.md"]
