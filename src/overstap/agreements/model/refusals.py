"""Refusals of an agreement's values: errors of the model's own rules, and a sentence for each fault of pydantic.

The sentences stand in `include/texts/agreements/refusals.yaml`, by the type of the fault: those of our own rules, and
the types of pydantic-core that the model and suppliers' blocks can produce.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import PydanticCustomError

from overstap.texts import texts


@dataclass(frozen=True, slots=True)
class RefusedValue:
    """What a model said of a value, to be told in the reader's language.

    Args:
        fault: one of `pydantic.ValidationError.errors()`.
    """

    fault: Mapping[str, Any] = field(hash=False)

    def sentence(self, language: str) -> str:
        """Return what is wrong, without a full stop, and without the value or any text of pydantic.

        Args:
            language: "nl" or "en".
        """
        words, kind = texts("agreements/refusals"), self.fault["type"]
        said = words["rules"].get(kind) or words["faults"].get(kind) or words["other"]
        sentence: str = said[language]
        # What a module does not raise by a type of its own (ValueError) is in English: its text is not repeated
        facts = {name: value for name, value in self.fault.get("ctx", {}).items() if name != "error"}
        return sentence.format_map({"type": kind, **facts})


def refusal(rule: str, /, **facts: str | int) -> PydanticCustomError:
    """Return the error with which a validator of the model refuses a value.

    Args:
        rule: name of the rule, with its sentences in `refusals.yaml`.
        facts: what the sentences need: keys, ids of schools and accounts, counts.

    Raises:
        KeyError: there is no such sentence.
    """
    return PydanticCustomError(rule, texts("agreements/refusals")["rules"][rule]["en"], facts)


def is_rule(kind: str) -> bool:
    """Tell whether a type of fault is a rule of the model, which concerns more than the form of one value."""
    return kind in texts("agreements/refusals")["rules"]
