"""Languages in which families are addressed, by page, mail and letter: one file each in include/texts/review."""

import string
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from babel import UnknownLocaleError
from markupsafe import Markup, escape

from overstap.clock import MomentFormats, format_day, format_moment
from overstap.errors import OverstapError
from overstap.texts import TEXTS, read_yaml

FOLDER = TEXTS / "review"
FIRST = "nl"
"""The language of who asks for none, and the one that says which sentences there are."""
_PUPIL = "_pupil"
"""Ends the key of a sentence that says to a pupil what the one without it says to a parent."""
_CALENDAR = ("moment", "day", "summer", "winter")


@dataclass(frozen=True)
class FamilyLanguage:
    """One language.

    Args:
        code: as in the `lang` attribute of HTML, and in addresses.
        name: what it calls itself.
        dir: `ltr` or `rtl`.
        calendar: how it writes a moment.
        sentences: by key.
    """

    code: str
    name: str
    dir: str
    calendar: MomentFormats
    sentences: Mapping[str, str] = field(repr=False)

    def say(self, key: str, **facts: object) -> Markup:
        """Return a sentence with its facts filled in, safe for a page: sentences are ours, facts are escaped.

        Raises:
            KeyError: there is no such sentence, or a fact is missing.
        """
        sentence = self.sentences[key]
        if "{" in sentence:
            sentence = sentence.format(**{name: escape(str(fact)) for name, fact in facts.items()})
        return Markup(sentence)  # noqa: S704 (the text file is ours, and each fact is escaped)

    def plain(self, key: str, **facts: object) -> str:
        """Return the sentence as text, for a PDF; raises as `say`."""
        text = Markup(self.sentences[key]).striptags()  # noqa: S704 (likewise)
        return text.format(**facts)

    def to(self, reader: str) -> "FamilyLanguage":
        """Return the language as one kind of reader is addressed: a pupil has no child, and parents instead of others.

        Args:
            reader: `carer` or `pupil`; of a sentence that has one for this reader (`..._pupil`) that one is said.
        """
        return self._spoken_to.get(reader, self)

    @cached_property
    def _spoken_to(self) -> dict[str, "FamilyLanguage"]:
        ours = {key.removesuffix(_PUPIL): said for key, said in self.sentences.items() if key.endswith(_PUPIL)}
        return {"pupil": replace(self, sentences={**self.sentences, **ours})}

    def has(self, key: str) -> bool:
        """Tell whether there is such a sentence."""
        return key in self.sentences

    def moment(self, at: datetime) -> str:
        """Return a moment in this language."""
        return format_moment(at, self.calendar)

    def day(self, at: datetime) -> str:
        """Return a day in this language."""
        return format_day(at, self.calendar)


@cache
def languages(folder: Path = FOLDER) -> dict[str, FamilyLanguage]:
    """Return the languages by code, Dutch first.

    Raises:
        OverstapError: REVIEW-051 when a file lacks a sentence of the Dutch one, or has a place in it that the Dutch has
            not.
    """
    found = {path.stem: _read(path) for path in sorted(folder.glob("*.yaml"))}
    first = found[FIRST]
    for language in found.values():
        for key, sentence in first.sentences.items():
            if key not in language.sentences or not _places(language.sentences[key]) <= _places(sentence):
                raise OverstapError("REVIEW-051", language=language.code, key=key)
    return {FIRST: first, **{code: language for code, language in found.items() if code != FIRST}}


def _read(path: Path) -> FamilyLanguage:
    text: dict[str, Any] = read_yaml(path)
    try:
        calendar = MomentFormats(path.stem, **{name: text["calendar"][name] for name in _CALENDAR})
        return FamilyLanguage(path.stem, text["name"], text["dir"], calendar, _flat(text["sentences"]))
    except (KeyError, TypeError, ValueError, UnknownLocaleError) as problem:
        raise OverstapError("REVIEW-051", language=path.stem, key=str(problem)) from problem


def _flat(part: Mapping[str, Any], before: str = "") -> dict[str, str]:
    """Return sentences by their whole key: `start.title`."""
    found: dict[str, str] = {}
    for key, value in part.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{before}{key}.")
        else:
            found[f"{before}{key}"] = str(value)
    return found


def _places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}
