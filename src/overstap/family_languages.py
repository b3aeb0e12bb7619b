"""Texts for families (pages, mails and letters) in each supported language, one file each in include/texts/review."""

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
"""The default language; its file defines the keys that every language must have."""
_PUPIL = "_pupil"
"""Suffix of the key of a sentence addressed to a pupil instead of a parent."""
_CALENDAR = ("moment", "day", "summer", "winter")


@dataclass(frozen=True)
class FamilyLanguage:
    """The texts of one language.

    Args:
        code: language code (BCP 47), as in the `lang` attribute of HTML and in URLs.
        name: name of the language in that language.
        dir: writing direction, `ltr` or `rtl`.
        calendar: patterns of dates and moments.
        sentences: sentences by key.
    """

    code: str
    name: str
    dir: str
    calendar: MomentFormats
    sentences: Mapping[str, str] = field(repr=False)

    def say(self, key: str, **facts: object) -> Markup:
        """Return a sentence as HTML, with its facts filled in and escaped.

        Raises:
            KeyError: the key does not exist, or a fact is missing.
        """
        sentence = self.sentences[key]
        if "{" in sentence:
            sentence = sentence.format(**{name: escape(str(fact)) for name, fact in facts.items()})
        return Markup(sentence)  # noqa: S704 (the text file is ours, and each fact is escaped)

    def plain(self, key: str, **facts: object) -> str:
        """Return a sentence as plain text, for a PDF; raises as `say`."""
        text = Markup(self.sentences[key]).striptags()  # noqa: S704 (likewise)
        return text.format(**facts)

    def to(self, reader: str) -> "FamilyLanguage":
        """Return the texts for one kind of reader.

        Args:
            reader: `carer` or `pupil`; for a pupil, each sentence with a variant `..._pupil` is replaced by it.
        """
        return self._by_reader.get(reader, self)

    @cached_property
    def _by_reader(self) -> dict[str, "FamilyLanguage"]:
        own = {key.removesuffix(_PUPIL): text for key, text in self.sentences.items() if key.endswith(_PUPIL)}
        return {"pupil": replace(self, sentences={**self.sentences, **own})}

    def has(self, key: str) -> bool:
        """Return whether a key exists."""
        return key in self.sentences

    def moment(self, at: datetime) -> str:
        """Format a moment in this language."""
        return format_moment(at, self.calendar)

    def day(self, at: datetime) -> str:
        """Format a date in this language."""
        return format_day(at, self.calendar)


@cache
def languages(folder: Path = FOLDER) -> dict[str, FamilyLanguage]:
    """Return the languages by code, Dutch first.

    Args:
        folder: folder with a YAML file per language.

    Raises:
        OverstapError: REVIEW-051 when a file lacks a key of the Dutch one, or has a placeholder that the Dutch sentence
            does not have.
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
    """Return nested sentences by their full key, such as `start.title`."""
    found: dict[str, str] = {}
    for key, value in part.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{before}{key}.")
        else:
            found[f"{before}{key}"] = str(value)
    return found


def _places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}
