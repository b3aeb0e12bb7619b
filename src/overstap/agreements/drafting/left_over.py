"""What a person has to look at in a new agreement, because it was taken over from an earlier year or computed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from babel.lists import format_list

from overstap.agreements.model import Agreement, RoundKind
from overstap.texts import Count, texts, with_counts

_NAMED = 5
"""At most so many schools are named in one sentence."""


@dataclass(frozen=True, slots=True)
class LeftOver:
    """Something that was taken over from an earlier year, or computed.

    Args:
        what: an entry of `left_over` in include/texts/agreements/new.yaml.
        facts: values for the placeholders of its sentence.
    """

    what: str
    facts: tuple[tuple[str, Any], ...] = ()

    @property
    def sentence_nl(self) -> str:
        """The sentence for a coordinator, in Dutch."""
        sentence: str = texts("agreements/new")["left_over"][self.what]["nl"]
        return sentence.format(**with_counts(dict(self.facts)))


def left_over(new: Agreement, last: Agreement | None, moved: Iterable[tuple[RoundKind, str]] = ()) -> list[LeftOver]:
    """Return what a person has to look at in a new agreement.

    Args:
        new: the new agreement.
        last: the agreement of the year before; None when there was none.
        moved: moments that could not keep last year's distance to the national dates.
    """
    return list(_found(new, last, moved))


def _found(new: Agreement, last: Agreement | None, moved: Iterable[tuple[RoundKind, str]]) -> Iterator[LeftOver]:
    if last is not None:
        before = ("before", last.school_year)
        if last.example:
            yield LeftOver("example", (before,))
        for what, now, then in (
            ("coordinator", new.coordinators, last.coordinators),
            ("viewer", new.viewers, last.viewers),
        ):
            known = {person.account for person in then}
            for person in now:
                if person.account in known:
                    yield LeftOver(what, (before, ("name", person.name), ("account", person.account)))
        yield from _schools(new, last)
        if new.own_codes and new.own_codes == last.own_codes:
            yield LeftOver("own_codes", (before, ("count", Count(len(new.own_codes)))))
        partners = {one.region for one in last.comparisons}
        if kept := [one.region for one in new.comparisons if one.region in partners]:
            yield LeftOver("comparisons", (before, ("names", format_list(kept, locale="nl"))))
        names = texts("orchestration/documentation")["milestones"]
        for kind, name in moved:
            yield LeftOver("moved", (before, ("round", kind.dutch), ("moment", names[name]["nl"].lower())))
    computed = sum(source.startswith("assumed") for agreed in new.rounds.values() for source in agreed.sources.values())
    if computed:
        yield LeftOver("computed", (("count", computed),))


def _schools(new: Agreement, last: Agreement) -> Iterator[LeftOver]:
    before = ("before", last.school_year)
    then, now = ({school.id: school for school in one.schools} for one in (last, new))
    same = sum(school.contact == then[school.id].contact for school in new.schools if school.id in then)
    if same:
        yield LeftOver("addresses", (before, ("count", same)))
    for what, ids, of in (
        ("gone_schools", [one for one in then if one not in now], then),
        ("new_schools", [one for one in now if one not in then], now),
    ):
        if ids:
            names = [of[one].label for one in ids[:_NAMED]] + ["…"] * (len(ids) > _NAMED)
            yield LeftOver(what, (before, ("count", Count(len(ids))), ("names", format_list(names, locale="nl"))))
