"""Own rules: the school's advice against the final test, its revision and the support it asks for (DOMAIN 4.1, 5.1)."""

import re
from collections.abc import Iterator

from overstap.quality import tables
from overstap.quality.contacts import is_e_mail, is_phone
from overstap.quality.rule_context import Location, RuleContext

_LEVELS = (
    (re.compile(r"\b(?:pro|praktijkonderwijs)\b"), 0.0),
    (re.compile(r"\b(?:bb|bbl|basis|basisberoeps\w*)\b"), 1.0),
    (re.compile(r"\b(?:kb|kbl|kader|kaderberoeps\w*)\b"), 3.0),
    (re.compile(r"\b(?:gl|tl|gt|gemengde?|theoretische?|mavo)\b"), 6.0),
    (re.compile(r"\bhavo\b"), 9.0),
    (re.compile(r"\b(?:vwo|gymnasium|atheneum)\b"), 11.0),
)
_EVIDENCE = ("tlv", "lwoo", "rvc", "opp", "arrangement_pao", "arrangement_cluster12")


def rank_of_text(advice: str) -> float | None:
    """Return the rank of a test advice in words, on the scale of `tables.advice_ranks`; None without a school type.

    The rank of a combined advice is the mean of its lowest and highest, as for code list 2.

    Args:
        advice: advice such as `vmbo kb/vmbo gl-tl`.
    """
    found = [rank for pattern, rank in _LEVELS if pattern.search(advice.lower())]
    return (min(found) + max(found)) / 2 if found else None


def _rank(context: RuleContext, field: str) -> float | None:
    return tables.advice_ranks().get(context.node("overstapadvies").text(field) or "")


def _delivers_support(context: RuleContext) -> bool:
    return context.node("categorie_uitlevering").text("cat_onderwijsondersteuning") in ("VERPLICHT", "OPTIONEEL")


def revised_lower(context: RuleContext) -> Iterator[Location]:
    """A revised advice is never lower than the first (Wet doorstroomtoetsen po: a test can only raise it)."""
    block = context.first("overstapadvies")
    if block is not None and "herzienadvies" in block.node:
        first, revised = _rank(context, "advies"), _rank(context, "herzienadvies")
        if first is not None and revised is not None and revised < first:
            yield block, "herzienadvies", 0


def revised_without_advice(context: RuleContext) -> Iterator[Location]:
    """A revised advice requires the original advice."""
    block = context.first("overstapadvies")
    if block is not None and "herzienadvies" in block.node and "advies" not in block.node:
        yield block, "advies", 0


def higher_test_advice(context: RuleContext) -> Iterator[Location]:
    """A test advice above the school's advice requires a revised advice or a reason against it."""
    block, result = context.first("overstapadvies"), context.first("eindtoetsresultaat")
    if block is None or result is None or "motivatie_herzienadvies" in block.node:
        return
    tested = rank_of_text(result.text("toets_advies"))
    given = _rank(context, "herzienadvies") if "herzienadvies" in block.node else _rank(context, "advies")
    if tested is not None and given is not None and tested > given:
        yield block, "herzienadvies", 0


def test_advice_unreadable(context: RuleContext) -> Iterator[Location]:
    """A test advice names a school type."""
    result = context.first("eindtoetsresultaat")
    if result is not None and "toets_advies" in result.node and rank_of_text(result.text("toets_advies")) is None:
        yield result, "toets_advies", 0


def lwoo_without_designation(context: RuleContext) -> Iterator[Location]:
    """An advice with learning support (LWOO) requires the designation, where support data are delivered."""
    block = context.first("overstapadvies")
    if block is not None and "lwoo" not in context.blocks and _delivers_support(context):
        field = "herzienadvies" if "herzienadvies" in block.node else "advies"
        if block.text(field) in tables.support_advices():
            yield block, field, 0


def designation_without_lwoo(context: RuleContext) -> Iterator[Location]:
    """A designation for learning support (LWOO) requires an advice with learning support."""
    block = context.first("overstapadvies")
    if block is not None and "lwoo" in context.blocks and "advies" in block.node:
        advices = (block.text("advies"), block.text("herzienadvies"))
        if not tables.support_advices().intersection(advices):
            yield block, "advies", 0


def special_without_evidence(context: RuleContext) -> Iterator[Location]:
    """An advice for praktijkonderwijs or VSO requires the data for admission, where support data are delivered."""
    block = context.first("overstapadvies")
    if block is None or block.text("advies") not in ("01", "10") or not _delivers_support(context):
        return
    if context.blocks.keys().isdisjoint(_EVIDENCE):
        yield block, "advies", 0


def no_advice_possible(context: RuleContext) -> Iterator[Location]:
    """The advice names a school type (code 80, no advice possible, does not)."""
    block = context.first("overstapadvies")
    if block is not None and block.text("advies") == "80" and "herzienadvies" not in block.node:
        yield block, "advies", 0


def contact_e_mail(context: RuleContext) -> Iterator[Location]:
    """The contact person's e-mail address is valid (the official rule checks other addresses only)."""
    block = context.first("overstapadvies")
    if block is not None and "contactemail" in block.node and not is_e_mail(block.text("contactemail")):
        yield block, "contactemail", 0


def contact_phone(context: RuleContext) -> Iterator[Location]:
    """The contact person's phone number is valid."""
    block = context.first("overstapadvies")
    if block is not None and "contacttelefoon" in block.node and not is_phone(block.text("contacttelefoon")):
        yield block, "contacttelefoon", 0
