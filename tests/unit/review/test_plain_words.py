"""Test that the parents' texts are Dutch of level B1, as far as it can be counted."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from overstap.texts import texts

MOST_WORDS = 15
"""In one sentence."""
LONG = 12
"""Letters, from which a word has to be one that parents know or that is explained."""
KNOWN = {
    "administratie": "in every letter of a school",
    "advertenties": "daily word",
    "bijvoorbeeld": "daily word",
    "contactgegevens": "of daily words",
    "functionaris": "stands behind its plain word, privacymedewerker",
    "geboortedatum": "daily word",
    "gegevensbescherming": "name of the law, and of the officer behind the plain word",
    "handtekening": "daily word",
    "handtekeningen": "daily word",
    "hoofdletters": "daily word",
    "ingeschreven": "what a school calls it",
    "inzagetermijn": "said on the overview to be the time in which one can look and answer",
    "klaargemaakt": "daily word",
    "onderwijskundig": "name of the report; the explanation says what it is",
    "opgeschreven": "daily word",
    "overstapdossier": "the subject; the explanation says what it is",
    "persoonsgegevens": "name of the authority",
    "privacymedewerker": "plain word for the data protection officer",
    "schooladvies": "what every parent of a child in group 8 knows",
    "schoolbestuur": "what a school calls it",
    "telefoonnummer": "daily word",
    "veranderingen": "daily word",
    "vriendelijke": "daily word",
}
NEVER = re.compile(
    r"\b(conform|middels|indien|teneinde|derhalve|betreffende|dient|gaarne|tevens|alsmede|verstrekken|verzegeld\w*|"
    r"versleuteld\w*|ondertekend|hash|envelop\w*|profiel|manifest|sha-256|json|run|dag|wordt|worden|werd|werden|"
    r"haar|men|uiteraard|akkoord|verzenden|reageren|wissen|loket|ontvanger|grootboek)\b",
    re.IGNORECASE,
)
"""Words of offices and of our trade, the passive voice, and words for which another one was chosen."""
MAY = {
    "review.start.day": "the day of a date",
    "review.wrong.date_form": "the day of a date",
}


def walk(where: str, part: Any) -> Iterator[tuple[str, str]]:
    if isinstance(part, dict):
        for name, value in part.items():
            if name != "en":
                yield from walk(where if name == "nl" else f"{where}.{name}", value)
    elif isinstance(part, list):
        for place, value in enumerate(part):
            yield from walk(f"{where}[{place}]", value)
    elif isinstance(part, str):
        yield where, part


def read_by_parents() -> Iterator[tuple[str, str]]:
    yield from walk("review", texts("review/nl")["sentences"])
    yield from walk("letter", texts("invitations/letter"))
    yield from walk("mail", texts("invitations/mail"))
    yield from walk("paper", texts("invitations/paper")["form"])


def single_sentences(said: str) -> list[str]:
    plain = re.sub(r"\{[^}]*\}", "X", re.sub(r"<[^>]+>", "", said))
    return [one for one in re.split(r"(?<=[.?!:])\s+|\n\n", plain) if one.strip()]


def words_of(sentence: str) -> list[str]:
    return re.findall(r"[A-Za-zÀ-ÿ'’-]+", sentence)


SENTENCES = [(where, one) for where, said in read_by_parents() for one in single_sentences(said)]


def faults(where: str, sentence: str) -> list[str]:
    """Return what is not plain about a sentence."""
    words = words_of(sentence)
    found = [f"{len(words)} words"] if len(words) > MOST_WORDS else []
    found += ["a semicolon: make two sentences"] if ";" in sentence else []
    found += [word for word in words if len(word) >= LONG and word.lower() not in KNOWN]
    found += [] if where in MAY else NEVER.findall(sentence)
    return found


def test_what_parents_read_is_plain() -> None:
    assert [(where, one, found) for where, one in SENTENCES if (found := faults(where, one))] == []
    assert len(SENTENCES) > 300


def test_each_exception_is_used() -> None:
    said = {word.lower() for _, one in SENTENCES for word in words_of(one)}
    assert sorted(set(KNOWN) - said) == []
    assert [where for where in MAY if not any(at == where and NEVER.search(one) for at, one in SENTENCES)] == []


@pytest.mark.parametrize(
    ("sentence", "fault"),
    [
        ("Het dossier wordt verstuurd.", "wordt"),
        ("Kijk hier; antwoord daarna.", "a semicolon: make two sentences"),
        ("Dit is een toelaatbaarheidsverklaring.", "toelaatbaarheidsverklaring"),
        ("Een zin met meer dan vijftien woorden is voor veel mensen te lang om goed te lezen.", "17 words"),
        ("Indien u niet reageert, hoort u van ons.", "Indien"),
    ],
)
def test_what_is_not_plain_is_found(sentence: str, fault: str) -> None:
    assert fault in faults("x", sentence)


def test_the_words_that_need_one_are_explained() -> None:
    said = texts("review/nl")["sentences"]
    assert "einde van de inzagetermijn" in said["home"]["until"]
    assert "heet een zienswijze" in said["answer"]["disagree_hint"]
    assert "heet dat het overstapdossier" in said["explain"]["what_text"]
    assert "schrijft de school een onderwijskundig rapport" in said["explain"]["what_text"]
