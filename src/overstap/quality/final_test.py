"""Own rules: the final test of primary school (DOMAIN 0 and 5.1)."""

from collections.abc import Iterator
from datetime import date

from overstap.quality.rule_context import Location, RuleContext

_CENTRAL = "0011"
_LAST_CENTRAL = date(2023, 7, 31)
"""The doorstroomtoets replaced the final test from school year 2023-2024."""
_LANGUAGE, _ARITHMETIC = "8000", "8001"
_LANGUAGE_DOMAINS = ("8050", "8051")


def test_that_ended(context: RuleContext) -> Iterator[Location]:
    """The central final test is not dated after school year 2022-2023, in which it ended."""
    result = context.first("eindtoetsresultaat")
    if result is not None and result.text("toetssoort") == _CENTRAL:
        taken = result.day("datum_afname")
        if taken is not None and taken > _LAST_CENTRAL:
            yield result, "toetssoort", 0


def reference_levels(context: RuleContext) -> Iterator[Location]:
    """A test that was taken has a reference level for reading, for language conventions and for arithmetic."""
    test, result = context.first("eindtoets_basisonderwijs"), context.first("eindtoetsresultaat")
    if test is None or result is None or not test.is_true("deelgenomen"):
        return
    reached: set[str] = set()
    for parts in result.node.get("onderdelen", ()):
        for part in parts.get("onderdeel", ()):
            if part.text("ond_referentieniveau"):
                reached.add(part.text("onderdeelcode") or "")
            for domains in part.get("domeinen", ()):
                for domain in domains.get("domein", ()):
                    if domain.text("dom_referentieniveau"):
                        reached.add(domain.text("domeincode") or "")
    if _ARITHMETIC not in reached or not (_LANGUAGE in reached or reached.issuperset(_LANGUAGE_DOMAINS)):
        yield result, "onderdelen", 0


def exempt_but_taken(context: RuleContext) -> Iterator[Location]:
    """An exempt pupil has not taken the test."""
    test, result = context.first("eindtoets_basisonderwijs"), context.first("eindtoetsresultaat")
    if test is None or result is None or not test.is_true("deelgenomen"):
        return
    if result.text("wettelijke_ontheffing") == "J":
        yield result, "wettelijke_ontheffing", 0


def missed_without_exemption(context: RuleContext) -> Iterator[Location]:
    """A pupil who has not taken the test is exempt."""
    test, result = context.first("eindtoets_basisonderwijs"), context.first("eindtoetsresultaat")
    if test is None or "deelgenomen" not in test.node or test.is_true("deelgenomen"):
        return
    if result is None or result.text("wettelijke_ontheffing") != "J":
        yield (test, "eindtoetsresultaat", 0) if result is None else (result, "wettelijke_ontheffing", 0)
