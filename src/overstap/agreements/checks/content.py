"""Checks of data categories against law, profile and stage of registration."""

import difflib
from collections.abc import Mapping
from typing import Any

from overstap.agreements.checks.context import MILESTONES, CheckContext
from overstap.agreements.checks.people import schools_of
from overstap.agreements.model import RegistrationStage, RoundKind
from overstap.agreements.source_positions import Key, LocalisedText
from overstap.oso.catalogue import FORBIDDEN, MANDATORY, PROFILES, Catalogue, catalogue

VERSION = "2019.1"
"""The newest public version of the data set (DOMAIN 0)."""
_ALWAYS_MATERIAL = frozenset(
    {"dossier", "huidigeschool", "leerling", "overstapadvies", "advies", "overstapadvies/advies"}
)
"""The advice and the blocks around it, which cannot be immaterial to an inspection."""
_ANYBODY = frozenset(
    {"all", "any", "anyone", "everyone", "every_school", "region", "iedereen", "alle", "allen", "interested"}
)


def check(context: CheckContext) -> None:
    """Add findings about categories, profiles and receivers that are not allowed."""
    known = catalogue(VERSION)
    for kind, agreed in context.rounds():
        _receivers(context, kind, agreed.get("receivers"))
        profile = agreed.get("profile", RoundKind(kind).profiles[0])
        if isinstance(profile, str) and profile in PROFILES and profile not in RoundKind(kind).profiles:
            known_ones = ", ".join(RoundKind(kind).profiles)
            facts = {"round": context.round_name(kind), "profile": profile, "known": known_ones}
            context.add_finding("AGREEMENT-167", "rounds", kind, "profile", **facts)
        _participants(context, RoundKind(kind))
        _review(context, RoundKind(kind), agreed)
        if kind == RoundKind.FEEDBACK:
            context.add_finding("AGREEMENT-172", "rounds", kind, round=RoundKind(kind).dutch)
        categories = agreed.get("categories")
        if isinstance(categories, list) and isinstance(profile, str) and profile in known.matrix:
            for serial, name in enumerate(categories):
                if isinstance(name, str):
                    _category(context, known, profile, kind, serial, name)
        _immaterial(context, known, kind)


def _receivers(context: CheckContext, kind: str, receivers: object) -> None:
    if isinstance(receivers, str) and receivers.lower() in _ANYBODY:
        context.add_finding("AGREEMENT-131", "rounds", kind, "receivers", value=receivers)


def _immaterial(context: CheckContext, known: Catalogue, kind: str) -> None:
    stated = context.source.at("rounds", kind, "inspection", "immaterial")
    names = {*known.categories, *(field.name for fields in known.blocks.values() for field in fields)}
    names |= {f"{block}/{field.name}" for block, fields in known.blocks.items() for field in fields}
    for serial, name in enumerate(stated if isinstance(stated, list) else ()):
        key = ("rounds", kind, "inspection", "immaterial", serial)
        if isinstance(name, str) and name not in names:
            close = difflib.get_close_matches(name, names, 1)
            context.add_finding("AGREEMENT-136", *key, name=name, close=close[0] if close else "communicatie/nummer")
        elif name in _ALWAYS_MATERIAL:
            context.add_finding("AGREEMENT-137", *key, name=name)


_ABOUT_REVIEW = frozenset(
    {"review_minimum", "review_school_days", "not_inspected", "consent", "invitations", "inspection"}
)
"""Keys of a round about the inspection by parents."""


def _review(context: CheckContext, kind: RoundKind, agreed: Mapping[str, Any]) -> None:
    """Add findings about an inspection or consent that has no basis in law (DOMAIN 2.2, 3.5)."""
    if kind.is_inspected:
        if agreed.get("consent") == "required" and kind is not RoundKind.FEEDBACK:
            context.add_finding("AGREEMENT-171", "rounds", kind.value, "consent", round=kind.dutch)
        return
    milestones = agreed.get("milestones")
    stated: list[Key] = [(name,) for name in agreed if name in _ABOUT_REVIEW]
    stated += [
        ("milestones", name)
        for name in (milestones if isinstance(milestones, dict) else ())
        if name in MILESTONES and name not in kind.milestones
    ]
    reminders = agreed.get("reminders")
    for serial, reminder in enumerate(reminders if isinstance(reminders, list) else ()):
        if isinstance(reminder, Mapping) and reminder.get("of") == "review_closes":
            stated.append(("reminders", serial, "of"))
    for way in stated:
        key = "review_closes" if way[-1] == "of" else way[-1]
        context.add_finding("AGREEMENT-169", "rounds", kind.value, *way, round=kind.dutch, key=key)


def _participants(context: CheckContext, kind: RoundKind) -> None:
    """Report a support or feedback round without suppliers or receivers; AGREEMENT-144 and 145 cover other rounds."""
    if kind not in (RoundKind.SUPPORT, RoundKind.FEEDBACK):
        return
    schools = [school for _, school in schools_of(context)]
    for school_kind, way in ((kind.supplied_by, "supplies"), (kind.received_by, "receives")):
        if not any(school.get("kind") == school_kind.value and school.get(way) is not None for school in schools):
            facts = {"round": kind.dutch, "kind": school_kind.value, "way": LocalisedText(way, {}), "key": way}
            context.add_finding("AGREEMENT-166", "rounds", kind.value, **facts)
    partnerships = sum(school.get("kind") == "SWV" for school in schools)
    if kind is RoundKind.SUPPORT and partnerships > 1:
        context.add_finding("AGREEMENT-168", "rounds", kind.value, round=kind.dutch, count=partnerships)


def _category(context: CheckContext, known: Catalogue, profile: str, kind: str, serial: int, name: str) -> None:
    key = ("rounds", kind, "categories", serial)
    bare = name.removeprefix("cat_")
    state = known.matrix[profile].get(bare)
    if state is None or bare != name:
        close = difflib.get_close_matches(bare, known.matrix[profile], 1)
        options = ", ".join(sorted(each for each, is_so in known.matrix[profile].items() if is_so == "OPTIONEEL"))
        context.add_finding("AGREEMENT-133", *key, category=name, close=close[0] if close else options)
        return
    label = known.categories[name]
    if state == FORBIDDEN:
        context.add_finding("AGREEMENT-132", *key, category=name, label=label, profile=profile)
    elif state == MANDATORY:
        context.add_finding("AGREEMENT-134", *key, category=name, label=label, profile=profile)
    elif context.national is not None:
        if context.source.at("rounds", kind, "receivers") == RegistrationStage.APPLIED and (
            name not in context.national.provisional_categories
        ):
            context.add_finding("AGREEMENT-130", *key, category=name, label=label, round=context.round_name(kind))
        due = context.milestone(kind, "data_due")
        results = context.national.statutory.test_results.last
        is_early = due is not None and context.national.is_in_year(due.date()) and due.date() < results
        if name == "eindtoetsbo" and due is not None and is_early:
            context.add_finding("AGREEMENT-135", *key, category=name, label=label, day=due.date(), results=results)
