"""Own rules: impossible dates and inconsistent periods (DOMAIN 5.1)."""

from collections.abc import Iterator
from datetime import timedelta
from operator import attrgetter

from overstap.quality.rule_context import Block, Location, RuleContext

_PERIODS = {
    "schoolloopbaan": ("begindatum", "einddatum"),
    "vroegschools": ("vroegschoolsdatumingang", "vroegschoolseinddatum"),
    "handelingsplan": ("startdatum", "einddatum"),
    "opp": ("opp_ingangdatum", "opp_einddatum"),
    "tlv": ("tlvingangdatum", "tlveinddatum"),
    "arrangement_pao": ("arrangement_datum", "arrangement_einddatum"),
    "lwoo": ("lwoo_ingangdatum", "lwoo_einddatum"),
    "stage": ("begindatum", "einddatum"),
}
_PAST = {
    "diagnose": "datum",
    "afname": "afnamedatum",
    "eindtoetsresultaat": "datum_afname",
    "examenresultaat": "datumuitslag",
    "resultaatvakkenvo": "datumafgerond",
    "cijferlijst": "afnamedatum",
    "onderdeel": "afnamedatum",
}
_OLD = timedelta(days=366)


def made_in_future(context: RuleContext) -> Iterator[Location]:
    """The date of the dossier is not after today."""
    if context.made_on is not None and context.made_on > context.today:
        yield context.all("metadata")[0], "datum", 0


def made_long_ago(context: RuleContext) -> Iterator[Location]:
    """A dossier is not older than a year, since its data are out of date by then."""
    if context.made_on is not None and context.today - context.made_on > _OLD:
        yield context.all("metadata")[0], "datum", 0


def enrolled_after_dossier(context: RuleContext) -> Iterator[Location]:
    """A pupil is enrolled at the latest on the date of the dossier."""
    pupil = context.first("leerling")
    enrolled = pupil.day("datuminschrijving") if pupil is not None else None
    if pupil is not None and enrolled is not None and context.made_on is not None and enrolled > context.made_on:
        yield pupil, "datuminschrijving", 0


def enrolled_before_birth(context: RuleContext) -> Iterator[Location]:
    """A pupil is enrolled after birth."""
    pupil = context.first("leerling")
    if pupil is not None:
        enrolled, born = pupil.day("datuminschrijving"), pupil.day("geboortedatum")
        if enrolled is not None and born is not None and enrolled < born:
            yield pupil, "datuminschrijving", 0


def left_before_enrolled(context: RuleContext) -> Iterator[Location]:
    """A pupil does not leave before enrolment."""
    pupil = context.first("leerling")
    if pupil is not None and "datumuitschrijving" in pupil.node:
        left, enrolled = pupil.day("datumuitschrijving"), pupil.day("datuminschrijving")
        if left is not None and enrolled is not None and left < enrolled:
            yield pupil, "datumuitschrijving", 0


def ends_before_start(context: RuleContext) -> Iterator[Location]:
    """A period does not end before it starts."""
    for name, (start, end) in _PERIODS.items():
        for block in context.blocks.get(name, ()):
            if end in block.node and block.text(end)[:10] < block.text(start)[:10] and _is_period(block, start, end):
                yield block, end, 0


def _is_period(block: Block, start: str, end: str) -> bool:
    """Return whether both are valid dates; callers compare the texts first, which is fast and right for valid ones."""
    return block.day(start) is not None and block.day(end) is not None


def career_overlap(context: RuleContext) -> Iterator[Location]:
    """Entries of the school career do not overlap."""
    latest = ""
    for entry in sorted(context.career, key=_begun):
        begun, ended = entry.begun[:10], entry.ended[:10]
        if begun and ended and begun <= ended:
            if begun < latest and _is_period(entry.block, "begindatum", "einddatum"):
                yield entry.block, "begindatum", 0
            if ended > latest:
                latest = ended


_begun = attrgetter("begun")
_year = attrgetter("school_year", "begun")


def year_group_falls(context: RuleContext) -> Iterator[Location]:
    """The year group does not decrease over the years."""
    highest = -1
    for entry in sorted(context.career, key=_year):
        if entry.group.isdecimal():
            group = int(entry.group)
            if group < highest:
                yield entry.block, "jaargroep", 0
            elif group > highest:
                highest = group


def school_year_form(context: RuleContext) -> Iterator[Location]:
    """A school year consists of two consecutive years."""
    for entry in context.career:
        first, _, second = entry.school_year.partition("-")
        if first.isdecimal() and second.isdecimal() and int(second) != int(first) + 1:
            yield entry.block, "schooljaar", 0


def career_outside_year(context: RuleContext) -> Iterator[Location]:
    """An entry of the school career starts in its school year, 1 August to 31 July."""
    for entry in context.career:
        begun, year = entry.begun, entry.school_year[:4]
        if begun and year.isdecimal():
            good = begun[:4] == year if begun[5:7] >= "08" else begun[:4] == str(int(year) + 1)
            if not good and entry.block.day("begindatum") is not None:
                yield entry.block, "begindatum", 0


def after_dossier(context: RuleContext) -> Iterator[Location]:
    """Dates of past events are not after the date of the dossier."""
    made = context.made_on
    if made is None:
        return
    limit = made.isoformat()
    for name, field in _PAST.items():
        for block in context.blocks.get(name, ()):
            if block.text(field)[:10] > limit and block.day(field) is not None:
                yield block, field, 0


def death_in_future(context: RuleContext) -> Iterator[Location]:
    """A date of death is not after today."""
    for carer in context.all("verzorger"):
        if "overlijdensdatum" in carer.node:
            died = carer.day("overlijdensdatum")
            if died is not None and died > context.today:
                yield carer, "overlijdensdatum", 0


def inspected_in_future(context: RuleContext) -> Iterator[Location]:
    """The date of inspection is not after today."""
    block = context.first("inzage")
    seen = block.day("inzagedatum") if block is not None else None
    if block is not None and seen is not None and seen > context.today:
        yield block, "inzagedatum", 0


def inspected_before_made(context: RuleContext) -> Iterator[Location]:
    """The date of inspection is not before the date of the dossier."""
    block = context.first("inzage")
    seen = block.day("inzagedatum") if block is not None else None
    if block is not None and seen is not None and context.made_on is not None and seen < context.made_on:
        yield block, "inzagedatum", 0


def refusal_without_reason(context: RuleContext) -> Iterator[Location]:
    """A dossier with which the parents disagree contains their view."""
    block = context.first("inzage")
    if block is not None and block.text("akkoord") == "Nee" and not block.text("redennietakkoord").strip():
        yield block, "redennietakkoord", 0


def consent_refused(context: RuleContext) -> Iterator[Location]:
    """Consent was refused; people decide whether the dossier may still be sent (DOMAIN 3.5)."""
    block = context.first("inzage")
    if block is not None and block.text("toestemming") == "Nee":
        yield block, "toestemming", 0
