"""Errors of the rules of the model, and bilingual sentences for all validation errors of pydantic.

The sentences are in `include/texts/agreements/refusals.yaml`, by the type of the error: the rules of the model, and the
types of pydantic-core that the model and suppliers' blocks can produce.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import PydanticCustomError

from overstap.texts import texts


@dataclass(frozen=True, slots=True)
class RefusedValue:
    """A validation error of a value, with its sentence in each language.

    Args:
        fault: an item of `pydantic.ValidationError.errors()`.
    """

    fault: Mapping[str, Any] = field(hash=False)

    def sentence(self, language: str) -> str:
        """Return the sentence of the error, without a full stop, the value or any text of pydantic.

        Args:
            language: "nl" or "en".
        """
        words, kind = texts("agreements/refusals"), self.fault["type"]
        entry = words["rules"].get(kind) or words["faults"].get(kind) or words["other"]
        sentence: str = entry[language]
        # The text of a ValueError is in English only, so it is not quoted
        facts = {name: value for name, value in self.fault.get("ctx", {}).items() if name != "error"}
        return sentence.format_map({"type": kind, **facts})


def refusal(rule: str, /, **facts: str | int) -> PydanticCustomError:
    """Return the error that a validator of the model raises.

    Args:
        rule: name of the rule, an entry of `refusals.yaml`.
        facts: values for the placeholders of its sentences: keys, ids of schools and accounts, counts.

    Raises:
        KeyError: `refusals.yaml` has no such rule.
    """
    return PydanticCustomError(rule, texts("agreements/refusals")["rules"][rule]["en"], facts)


def is_rule(kind: str) -> bool:
    """Return whether a type of error is a rule of the model, instead of the form of one value."""
    return kind in texts("agreements/refusals")["rules"]
