"""Pages of a region's agreements: the files, the drafts, and one draft with its fields, findings and comparison."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from overstap.agreements import Agreement, Milestones, RoundKind
from overstap.agreements.drafting.fields import AgreementField, FieldGroup, field_groups, lacks_moments
from overstap.agreements.drafting.files import AgreementPlace, AgreementTexts
from overstap.agreements.drafting.left_over import left_over
from overstap.agreements.drafting.merging import MergeConflict
from overstap.agreements.findings import AgreementFinding, AgreementSeverity
from overstap.agreements.load import agreement_paths, load_agreement
from overstap.errors import OverstapError
from overstap.ledger.agreement_drafts import (
    AgreementDraft,
    DraftState,
    DraftVersion,
    approvals_of,
    drafts,
    find_draft,
    text_of_version,
    versions_of_draft,
)
from overstap.pages.board.draft_comparison import DraftComparison, compare
from overstap.pages.board.render import render
from overstap.pages.board.views.page_context import PageContext, PageNotFoundError
from overstap.texts import texts

_COMPARISON = re.compile(r"comparisons\.[0-9]+")
"""Path of a finding about a comparison as a whole: it stands beside its first field."""


@dataclass(frozen=True, slots=True)
class ShownFinding:
    """A finding of the check beside its field or line."""

    is_error: bool
    where: str
    says: str
    does: str
    code: str


@dataclass(frozen=True, slots=True)
class ShownField:
    """A field with its label and findings."""

    field: AgreementField
    label: str
    findings: Sequence[ShownFinding]


@dataclass(frozen=True, slots=True)
class ShownGroup:
    """Fields that stand together, with their heading.

    Args:
        title: the heading.
        fields: the fields.
        person: number of the coordinator, from 0; -1 for others.
        comparison: number of the region with which this one compares, from 0; -1 for others.
    """

    title: str
    fields: Sequence[ShownField]
    person: int = -1
    comparison: int = -1


@dataclass(frozen=True, slots=True)
class CheckedDraft:
    """What the check says of a draft's texts.

    Args:
        errors: number of errors.
        warnings: number of warnings.
        by_field: findings by the name of their field.
        others: all findings, in the order of the lines.
    """

    errors: int
    warnings: int
    by_field: Mapping[str, Sequence[ShownFinding]]
    others: Sequence[ShownFinding]


@dataclass(frozen=True, slots=True)
class DraftMessage:
    """Message at the head of a draft's page, Dutch, with lines that both sides changed.

    Args:
        says: the sentence.
        is_good: whether what was asked was done.
        conflicts: lines that both sides changed, of the agreement file and of the list of schools.
        by: who wrote the other side, for a heading.
    """

    says: str
    is_good: bool = False
    conflicts: Sequence[MergeConflict] = field(default=(), repr=False)
    by: str = ""


def require_coordinator(context: PageContext, region: str) -> None:
    """Refuse everybody but a coordinator of the region.

    Raises:
        PageNotFoundError: the account is none.
    """
    if region not in context.person.coordinates:
        raise PageNotFoundError(region)


def found_draft(context: PageContext, region: str, draft: UUID) -> AgreementDraft:
    """Return a draft of a region.

    Raises:
        PageNotFoundError: the account is no coordinator of the region, or there is no such draft.
    """
    require_coordinator(context, region)
    with context.region(region) as unit:
        found = find_draft(unit, draft) if unit is not None else None
    if found is None:
        raise PageNotFoundError(str(draft))
    return found


def list_page(context: PageContext, folder: Path, region: str, form_token: str, problem: str = "") -> str:
    """Return the page with a region's agreement files and drafts.

    Args:
        context: context of the request.
        folder: the regions folder.
        region: region id.
        form_token: see `csrf.form_token`.
        problem: why what was asked was not done, Dutch.

    Raises:
        PageNotFoundError: the account is no coordinator of the region.
    """
    require_coordinator(context, region)
    with context.region(region) as unit:
        known = drafts(unit) if unit is not None else []
    agreements = context.agreement_cache.of(region)
    years = [path.stem for path in agreement_paths(folder, region)]
    return render(
        "drafts",
        base=context.base,
        now=context.now,
        person=context.person,
        draft_words=texts("board/drafts"),
        region=region,
        name=agreements[-1].name if agreements else region,
        years=years,
        next_year=next_year(years),
        known=known,
        named=context.named(region),
        form_token=form_token,
        problem=problem,
    )


def next_year(years: Sequence[str]) -> str:
    """Return the school year after the newest one; empty without any."""
    if not years:
        return ""
    first = int(years[-1][:4]) + 1
    return f"{first}-{first + 1}"


def check_draft(place: AgreementPlace, shown: AgreementTexts, base: AgreementTexts) -> CheckedDraft:
    """Return what the check says of a draft's texts."""
    findings = place.findings(shown, base)
    by_field: dict[str, list[ShownFinding]] = defaultdict(list)
    others = []
    for finding in findings:
        one = _shown(finding, place)
        by_field[f"{finding.path}.region" if _COMPARISON.fullmatch(finding.path) else finding.path].append(one)
        others.append(one)
    errors = sum(one.is_error for one in others)
    return CheckedDraft(errors, len(others) - errors, by_field, others)


def _shown(finding: AgreementFinding, place: AgreementPlace) -> ShownFinding:
    words = texts("board/drafts")["check"]
    where = words["line" if finding.file == place.path else "in_schools"]["nl"].format(line=finding.line)
    is_error = finding.severity is AgreementSeverity.ERROR
    is_in_round = finding.path.startswith("rounds.")
    says, does = (_in_words(text) if is_in_round else text for text in (finding.message_nl, finding.do_nl))
    return ShownFinding(is_error, where, says, does, finding.code)


def _in_words(sentence: str) -> str:
    """Return a sentence about a round with the names of moments as the fields have them, not their keys."""
    names = texts("orchestration/documentation")["milestones"]
    return re.sub(rf"\b({'|'.join(Milestones.model_fields)})\b", lambda found: str(names[found[1]]["nl"]), sentence)


def draft_page(
    context: PageContext,
    folder: Path,
    region: str,
    draft: AgreementDraft,
    form_token: str,
    *,
    shown: AgreementTexts | None = None,
    message: DraftMessage | None = None,
) -> str:
    """Return the page of a draft.

    Args:
        context: context of the request.
        folder: the regions folder.
        region: region id.
        draft: the draft.
        form_token: see `csrf.form_token`.
        shown: texts to show in place of the newest version: what somebody typed and did not save.
        message: what became of a form.
    """
    place = AgreementPlace(folder, region, draft.school_year)
    texts_shown = shown or draft.texts
    checked = check_draft(place, texts_shown, draft.base)
    new = _agreement(place, texts_shown)
    old = _holds(place)
    stored = _stored(place)
    with context.region(region) as unit:
        compared = _compared(unit, old, new)
        saved: Sequence[DraftVersion] = versions_of_draft(unit, draft.draft) if unit is not None else ()
        first = text_of_version(unit, draft.draft, 1) if unit is not None else None
        approved = approvals_of(unit, draft.draft, draft.version) if unit is not None else []
    is_changed_by_hand = (stored.digest if stored else None) != draft.base_digest
    wrote = _writers(draft, saved, first)
    me = context.person.account.lower()
    last = _last_year(folder, region, draft.school_year)
    source = place.source(texts_shown)
    known, named = context.agreement_cache.of(region), context.named(region)
    return render(
        "draft",
        base=context.base,
        now=context.now,
        person=context.person,
        draft_words=texts("board/drafts"),
        region=region,
        name=new.name if new else known[-1].name if known else region,
        draft=draft,
        shown=texts_shown,
        is_unsaved=texts_shown != draft.texts,
        is_open=draft.state is DraftState.OPEN,
        checked=checked,
        lacks_moments=lacks_moments(source),
        groups=[_group(group, checked) for group in field_groups(source)],
        compared=compared,
        notes=[note.sentence_nl for note in left_over(new, last)] if new is not None else [],
        is_changed_by_hand=is_changed_by_hand and draft.state is DraftState.OPEN,
        why_not=_why_not(me, checked, compared, wrote, approved, is_unsaved=texts_shown != draft.texts),
        others=sorted(map(named, wrote - {me})) if me in wrote else [],
        approved=[named(one) for one in approved],
        saved=saved,
        named=named,
        form_token=form_token,
        message=message,
    )


def _writers(draft: AgreementDraft, saved: Sequence[DraftVersion], first: AgreementTexts | None) -> set[str]:
    """Return who wrote something, in lower case, by the rule of the database (`overstap.draft_writers`)."""
    is_as_it_was = draft.base_digest is not None and first == draft.base
    return {one.changed_by.lower() for one in saved if not (one.number == 1 and is_as_it_was)}


def _why_not(
    me: str,
    checked: CheckedDraft,
    compared: DraftComparison,
    wrote: set[str],
    approved: Sequence[str],
    *,
    is_unsaved: bool,
) -> str:
    """Return why this account cannot approve the draft as it is shown, Dutch; empty when it can."""
    words = texts("board/drafts")
    if me in approved:
        return str(words["approval"]["agreed"]["nl"])
    if not wrote - {me}:
        return str(words["approval"]["own" if wrote else "nothing"]["nl"])
    if checked.errors:
        return str(words["approval"]["errors"]["nl"])
    if compared.state == "compared" and not compared.differences:
        return str(words["approval"]["nothing"]["nl"])
    return str(words["check"]["unsaved"]["nl"]) if is_unsaved else ""


def _group(group: FieldGroup, checked: CheckedDraft) -> ShownGroup:
    words = texts("board/drafts")["fields"]
    milestones = texts("orchestration/documentation")["milestones"]
    block = str(group.key[0]) if group.key else "region"
    person = int(group.key[1]) if block == "coordinators" else -1
    comparison = int(group.key[1]) if block == "comparisons" else -1
    titles: dict[str, Any] = {
        "region": lambda: words["region"]["nl"],
        "coordinators": lambda: words["person"]["nl"].format(number=person + 1),
        "rounds": lambda: words["round"]["nl"].format(round=RoundKind(str(group.key[1])).dutch),
        "occasions": lambda: words["occasion"]["nl"].format(number=int(group.key[1]) + 1),
        "comparisons": lambda: words["comparison"]["nl"].format(number=comparison + 1),
    }
    fields = []
    for one in group.fields:
        last = str(one.key[-1])
        if block == "rounds":
            label = milestones[last]["nl"]
        elif block == "comparisons":
            label = words["compared"]["at" if "at" in one.key else last]["nl"].format(
                number=int(one.key[-1]) + 1 if "at" in one.key else ""
            )
        else:
            label = words[last]["nl"]
        fields.append(ShownField(one, label, checked.by_field.get(one.name, ())))
    return ShownGroup(titles[block](), fields, person, comparison)


def _compared(unit: Any, old: Agreement | OverstapError | None, new: Agreement | None) -> DraftComparison:
    if new is None or isinstance(old, OverstapError):
        return DraftComparison("broken")
    return DraftComparison("new") if old is None else compare(unit, old, new)


def _agreement(place: AgreementPlace, shown: AgreementTexts) -> Agreement | None:
    try:
        return place.agreement(shown)
    except OverstapError:
        return None  # the findings say what is wrong


def _holds(place: AgreementPlace) -> Agreement | OverstapError | None:
    if not place.path.exists():
        return None
    try:
        return load_agreement(place.path)
    except OverstapError as error:
        return error


def _stored(place: AgreementPlace) -> AgreementTexts | None:
    try:
        return place.stored()
    except (OSError, UnicodeDecodeError, OverstapError):
        return AgreementTexts("", None)  # another than any draft was made from


def _last_year(folder: Path, region: str, school_year: str) -> Agreement | None:
    earlier = [path for path in agreement_paths(folder, region) if path.stem < school_year]
    try:
        return load_agreement(earlier[-1]) if earlier else None
    except OverstapError:
        return None
