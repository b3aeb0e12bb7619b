"""Base class of all errors: a stable code, with a message and a remedy in Dutch and English.

The sentences are in `include/texts/errors/`. An error carries facts (a school, a count, a date) and never personal data
of a pupil, since its message appears in logs and on screens.
"""

import errno
from dataclasses import dataclass
from functools import cache
from typing import Any

from overstap.resources import INCLUDE
from overstap.texts import read_yaml, texts, with_counts

_TEXTS = INCLUDE / "texts" / "errors"


@cache
def sentences() -> dict[str, dict[str, str]]:
    """Return the sentences of every error code: `nl`, `en`, `do_nl`, `do_en`, `who`.

    Raises:
        ValueError: two files define one code.
    """
    found: dict[str, dict[str, str]] = {}
    for path in sorted(_TEXTS.glob("*.yaml")):
        for code, text in read_yaml(path).items():
            if code in found:
                raise ValueError(f"error code {code} is defined in more than one file, the last is {path.name}")
            found[code] = text
    return found


@dataclass(frozen=True, slots=True)
class Bilingual:
    """A fact in two languages: `{problem}` in a sentence gives the Dutch words, `{problem:en}` the English ones.

    Args:
        nl: the Dutch words.
        en: the English words.
    """

    nl: str
    en: str

    def __format__(self, language: str) -> str:
        return self.en if language == "en" else self.nl


class OverstapError(Exception):
    """An error that a person has to act on, with a code of `include/texts/errors/`.

    Args:
        code: the stable code, such as `INTAKE-001`.
        facts: values for the placeholders of the sentences: ids, counts, dates and school names, no personal data.

    Raises:
        KeyError: the code is not defined, or a fact that its sentences name is missing.
    """

    def __init__(self, code: str, **facts: Any) -> None:
        text = sentences()[code]
        self.code = code
        self.facts = facts
        in_dutch, in_english = _prepared(facts, "nl"), _prepared(facts, "en")
        self.message_nl = text["nl"].format(**in_dutch)
        self.message_en = text["en"].format(**in_english)
        self.do_nl = text["do_nl"].format(**in_dutch)
        self.do_en = text["do_en"].format(**in_english)
        self.who = text["who"]
        super().__init__(f"{code}: {self.message_nl} {self.do_nl} | {self.message_en} {self.do_en}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Support pickling: the error is created again from its code and facts."""
        return (_restore, (type(self), self.code, self.facts))


def form_error(why: str, **facts: Any) -> OverstapError:
    """Return AGREEMENT-021: what was filled in on a form cannot be, and why.

    Args:
        why: a key of include/texts/agreements/form_errors.yaml.
        facts: what fills the places of its sentence.
    """
    said, known = texts("agreements/form_errors")[why], with_counts(facts)
    return OverstapError("AGREEMENT-021", problem=Bilingual(said["nl"].format(**known), said["en"].format(**known)))


_NOT_STORED = frozenset({"ENOSPC", "EDQUOT", "EFBIG", "EROFS"})


def system_fault(problem: OSError) -> str:
    """Return the name of an operating system error for the fact `kind`, such as "ENOSPC"; "EOTHER" without a text."""
    name = errno.errorcode.get(problem.errno or 0, "")
    return name if name in texts("system") else "EOTHER"


def storage_error(problem: OSError) -> OverstapError | None:
    """Return SETTING-005 for a disk that takes nothing more; None for any other fault of the operating system."""
    kind = errno.errorcode.get(problem.errno or 0, "")
    return OverstapError("SETTING-005", kind=kind) if kind in _NOT_STORED else None


def _prepared(facts: dict[str, Any], language: str) -> dict[str, Any]:
    """Prepare facts for a sentence: numbers that agree with their noun, and operating system errors in words."""
    known = texts("system").get(str(facts.get("kind")))
    return with_counts(facts) | ({"kind": known[language]} if known else {})


def _restore(kind: type[OverstapError], code: str, facts: dict[str, Any]) -> OverstapError:
    return kind(code, **facts)
