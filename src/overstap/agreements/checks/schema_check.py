"""Check of keys and forms against the model; findings suggest the nearest known spelling."""

import difflib
from typing import Any

from pydantic import ValidationError

from overstap.agreements.checks.context import CheckContext
from overstap.agreements.model import Agreement
from overstap.agreements.model.refusals import is_rule
from overstap.agreements.schema import file_schema, form_at, properties_at
from overstap.agreements.source_positions import Key, LocalisedText
from overstap.texts import texts


def check(context: CheckContext) -> bool:
    """Add findings about values that the model refuses for their form; return whether the model accepts the agreement.

    The other checks report the rules of the model (order, duplicates, ways, gates), with more detail.
    """
    _check_location(context)
    try:
        Agreement.model_validate(context.source.data)
    except ValidationError as problem:
        moments = set(context.moment_keys())
        reported: set[Key] = set()
        found = [(fault, context.source.key_of(fault["loc"])) for fault in problem.errors(include_url=False)]
        no_rounds = {
            key for fault, key in found if fault["type"] == "enum" and key[:1] == ("rounds",) and len(key) == 2
        }
        for fault, key in found:
            if key[:2] in no_rounds and len(key) > 2:
                continue  # the keys of a round of unknown kind cannot be checked
            is_left = is_rule(fault["type"]) and fault["type"] != "no_moment"
            if is_left or key in moments or key in reported:
                continue
            reported.add(key)
            _add_finding(context, fault["type"], key, fault.get("input"), fault.get("ctx", {}))
        return False
    return True


def _check_location(context: CheckContext) -> None:
    """Compare the region and school year of the file with its folder and name."""
    source = context.source
    region, year = source.at("region"), source.at("school_year")
    if isinstance(region, str) and region != source.path.parent.name:
        context.add_finding(
            "AGREEMENT-107", "region", what=LocalisedText("region", {}), stated=region, found=source.path.parent.name
        )
    if isinstance(year, str) and year != source.path.stem:
        context.add_finding(
            "AGREEMENT-107", "school_year", what=LocalisedText("school_year", {}), stated=year, found=source.path.stem
        )
    first, _, second = year.partition("-") if isinstance(year, str) else ("", "", "")
    if first.isdigit() and second.isdigit() and int(second) != int(first) + 1:
        context.add_finding("AGREEMENT-108", "school_year", stated=year, better=f"{first}-{int(first) + 1}")
    if source.at("rounds") == {}:
        context.add_finding("AGREEMENT-165", "rounds")
    if "holiday_region" not in source.data or source.at("holiday_region") is None:
        context.add_finding("AGREEMENT-160", "region")
    if context.national is not None and context.national.is_assumed:
        context.add_finding("AGREEMENT-161", "school_year", school_year=context.national.school_year)


def _add_finding(context: CheckContext, kind: str, key: Key, value: Any, facts: dict[str, Any]) -> None:
    name = str(key[-1]) if key else "-"
    schema = file_schema()
    if len(key) == 2 and key[0] == "rounds" and value is None and kind != "enum":
        context.add_finding(
            "AGREEMENT-177", *key, round=context.round_name(name), school_year=context.source.at("school_year")
        )
        return
    if kind == "extra_forbidden":
        known = properties_at(schema, key[:-1])
        context.add_finding("AGREEMENT-102", *key, key=name, close=_close(name, known), known=", ".join(known))
    elif kind == "missing":
        context.add_finding("AGREEMENT-103", *key, key=name, example=form_at(schema, key).example)
    elif kind == "enum" and len(key) == 2 and key[0] == "rounds":
        known = tuple(kind.value for kind in _kinds())
        context.add_finding("AGREEMENT-102", *key, key=name, close=_close(name, known), known=", ".join(known))
    elif choices := form_at(schema, key).choices:
        if not (name == "receivers" and any(found.code == "AGREEMENT-131" for found in context.findings)):
            close = _close(str(value), choices)
            shown = _shown(context, key, value)
            context.add_finding("AGREEMENT-104", *key, key=name, value=shown, close=close, choices=", ".join(choices))
    elif key[:1] == ("schools",) and name == "id" and isinstance(value, str):
        return  # the check of schools reports the form
    elif key == ("coordinators",) and value == []:
        return  # the check of coordinators reports it
    else:
        form = form_at(schema, key)
        facts = {"example": form.example, "least": form.least, "most": form.most}
        context.add_finding(
            "AGREEMENT-105", *key, key=name, value=_shown(context, key, value), form=LocalisedText(form.name, facts)
        )


def _kinds() -> tuple[Any, ...]:
    from overstap.agreements.model import RoundKind

    return tuple(RoundKind)


def _close(name: str, known: tuple[str, ...]) -> LocalisedText:
    """Return the value that was probably meant, also for its Dutch translation."""
    meant = texts("agreements/dutch").get(name.lower())
    if meant not in known:
        meant = next(iter(difflib.get_close_matches(name.lower(), known, 1, cutoff=0.6)), None)
    return LocalisedText("close", {"close": meant}) if meant else LocalisedText("nothing", {})


def _shown(context: CheckContext, key: Key, value: Any) -> str:
    """Return a value in the notation of the file, at most 60 characters."""
    if isinstance(value, dict):
        return "{...}"
    if isinstance(value, list):
        return "[...]"
    text = context.source.text_at(*key)
    return (str(value) if text is None else text)[:60]
