"""Checks of keys and forms against the model, with the nearest known spelling."""

import difflib
from typing import Any

from pydantic import ValidationError

from overstap.agreements.checks.context import CheckContext
from overstap.agreements.model import Agreement
from overstap.agreements.model.refusals import is_rule
from overstap.agreements.schema import file_schema, forms_at, properties_at
from overstap.agreements.source_positions import Key, Said
from overstap.texts import texts


def check(context: CheckContext) -> bool:
    """Note which values the model refuses for their form; return whether it takes the agreement as it is.

    The model's own rules (order, doubles, ways, gates) are left to the other checks, which have more to go by.
    """
    _place(context)
    try:
        Agreement.model_validate(context.written.data)
    except ValidationError as problem:
        moments = set(context.moment_keys())
        told: set[Key] = set()
        found = [(fault, context.written.key_of(fault["loc"])) for fault in problem.errors(include_url=False)]
        no_rounds = {
            key for fault, key in found if fault["type"] == "enum" and key[:1] == ("rounds",) and len(key) == 2
        }
        for fault, key in found:
            if key[:2] in no_rounds and len(key) > 2:
                continue  # the round's name is wrong: nothing can be said of what stands in it
            is_left = is_rule(fault["type"]) and fault["type"] != "no_moment"
            if is_left or key in moments or key in told:
                continue
            told.add(key)
            _tell(context, fault["type"], key, fault.get("input"), fault.get("ctx", {}))
        return False
    return True


def _place(context: CheckContext) -> None:
    """Compare the file's place with what it says it is."""
    written = context.written
    region, year = written.at("region"), written.at("school_year")
    if isinstance(region, str) and region != written.path.parent.name:
        context.say("AGREEMENT-107", "region", what=Said("region", {}), stated=region, found=written.path.parent.name)
    if isinstance(year, str) and year != written.path.stem:
        context.say("AGREEMENT-107", "school_year", what=Said("school_year", {}), stated=year, found=written.path.stem)
    first, _, second = year.partition("-") if isinstance(year, str) else ("", "", "")
    if first.isdigit() and second.isdigit() and int(second) != int(first) + 1:
        context.say("AGREEMENT-108", "school_year", stated=year, better=f"{first}-{int(first) + 1}")
    if written.at("rounds") == {}:
        context.say("AGREEMENT-165", "rounds")
    if "holiday_region" not in written.data or written.at("holiday_region") is None:
        context.say("AGREEMENT-160", "region")
    if context.national is not None and context.national.is_assumed:
        context.say("AGREEMENT-161", "school_year", school_year=context.national.school_year)


def _tell(context: CheckContext, kind: str, key: Key, value: Any, facts: dict[str, Any]) -> None:
    name = str(key[-1]) if key else "-"
    schema = file_schema()
    if len(key) == 2 and key[0] == "rounds" and value is None and kind != "enum":
        context.say(
            "AGREEMENT-177", *key, round=context.round_name(name), school_year=context.written.at("school_year")
        )
        return
    if kind == "extra_forbidden":
        known = properties_at(schema, key[:-1])
        context.say("AGREEMENT-102", *key, key=name, close=_close(name, known), known=", ".join(known))
    elif kind == "missing":
        context.say("AGREEMENT-103", *key, key=name, example=forms_at(schema, key).example)
    elif kind == "enum" and len(key) == 2 and key[0] == "rounds":
        known = tuple(kind.value for kind in _kinds())
        context.say("AGREEMENT-102", *key, key=name, close=_close(name, known), known=", ".join(known))
    elif choices := forms_at(schema, key).choices:
        if not (name == "receivers" and any(found.code == "AGREEMENT-131" for found in context.findings)):
            close = _close(str(value), choices)
            shown = _shown(context, key, value)
            context.say("AGREEMENT-104", *key, key=name, value=shown, close=close, choices=", ".join(choices))
    elif key[:1] == ("schools",) and name == "id" and isinstance(value, str):
        return  # the check of schools tells what form it must have
    elif key == ("coordinators",) and value == []:
        return  # the check of coordinators tells that nobody answers
    else:
        form = forms_at(schema, key)
        facts = {"example": form.example, "least": form.least, "most": form.most}
        context.say("AGREEMENT-105", *key, key=name, value=_shown(context, key, value), form=Said(form.name, facts))


def _kinds() -> tuple[Any, ...]:
    from overstap.agreements.model import RoundKind

    return tuple(RoundKind)


def _close(name: str, known: tuple[str, ...]) -> Said:
    """Return the value that was probably meant; who thinks in Dutch often writes the Dutch word."""
    meant = texts("agreements/dutch").get(name.lower())
    if meant not in known:
        meant = next(iter(difflib.get_close_matches(name.lower(), known, 1, cutoff=0.6)), None)
    return Said("close", {"close": meant}) if meant else Said("nothing", {})


def _shown(context: CheckContext, key: Key, value: Any) -> str:
    """Return a value as it was written in the file."""
    if isinstance(value, dict):
        return "{...}"
    if isinstance(value, list):
        return "[...]"
    written = context.written.text_at(*key)
    return (str(value) if written is None else written)[:60]
