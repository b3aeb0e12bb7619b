"""Runner of all checks on agreement files, including comparisons between regions."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from overstap.agreements.checks import (
    content,
    law,
    moments,
    notices,
    own_codes,
    people,
    retention,
    schema_check,
    test_suppliers,
)
from overstap.agreements.checks.context import CheckContext
from overstap.agreements.findings import AgreementFinding, AgreementSeverity, finding_of
from overstap.agreements.load import agreement_paths
from overstap.agreements.national import FOLDER, NationalYear, national_year
from overstap.agreements.source_positions import SCHOOL_YEAR, FileContents, read_source
from overstap.errors import OverstapError
from overstap.progress import Advance, counted, unwatched

MANY = 5
"""With more schools than this shared with another region, one finding says that the file is a copy."""


@dataclass(frozen=True, slots=True)
class CheckedAgreement:
    """Findings of one agreement file.

    Args:
        path: the agreement file.
        findings: errors and warnings, in the order of the lines.
    """

    path: Path
    findings: tuple[AgreementFinding, ...]

    @property
    def errors(self) -> int:
        """Number of errors."""
        return sum(found.severity is AgreementSeverity.ERROR for found in self.findings)

    @property
    def warnings(self) -> int:
        """Number of warnings."""
        return len(self.findings) - self.errors


def check_agreements(
    paths: Iterable[Path],
    *,
    national: Path = FOLDER,
    register: frozenset[str] | None = None,
    contents: FileContents | None = None,
    advance: Advance = unwatched,
) -> list[CheckedAgreement]:
    """Check agreement files, each separately and against the other regions of its school year.

    A file has errors exactly when `load_agreement` refuses it, or a check finds a breach of dates or law.

    Args:
        paths: the files, each at `<folder>/<region>/<school year>.yaml`. The other regions in the same folders are
            read for comparison, but not checked.
        national: folder with the national files.
        register: ids of all existing schools; None skips that check.
        contents: contents that stand for those of the files, by absolute path.
        advance: is told of each file that was read, and again of each that was checked.
    """
    chosen = [path.absolute() for path in paths]
    contexts = [_context(path, national, contents) for path in counted(chosen, advance, every=1)]
    for context in counted(contexts, advance, every=1):
        if isinstance(context.source.data, dict):
            moments.check(context)
            law.check(context)
            content.check(context)
            people.check(context, register)
            notices.check(context)
            retention.check(context)
            own_codes.check(context)
            test_suppliers.check(context)
            is_accepted = schema_check.check(context)
            _check_against_model(context, is_accepted)
    neighbours = _neighbours(chosen, national)
    _schools_in_two_regions(contexts, neighbours)
    _coordinators_of_another(contexts, neighbours)
    return [_result(context) for context in contexts]


def _context(path: Path, national: Path, contents: FileContents | None = None) -> CheckContext:
    source = read_source(path, national, contents)
    context = CheckContext(source, _national(source.at("school_year"), national))
    context.findings.extend(finding_of(fault) for fault in source.faults)
    return context


def _national(school_year: object, folder: Path) -> NationalYear | None:
    if not isinstance(school_year, str) or not SCHOOL_YEAR.fullmatch(school_year):
        return None  # schema_check reports the form of the year
    try:
        return national_year(school_year, folder)
    except (OverstapError, ValueError):
        return None  # reading the file reported the fault: an invalid national file or school year


def _check_against_model(context: CheckContext, is_accepted: bool) -> None:
    """Add an error for each refusal of the model when the checks found no error."""
    if is_accepted or any(found.severity is AgreementSeverity.ERROR for found in context.findings):
        return
    from pydantic import ValidationError

    from overstap.agreements.model import Agreement
    from overstap.agreements.model.refusals import RefusedValue

    try:
        Agreement.model_validate(context.source.data)
    except ValidationError as problem:
        for fault in problem.errors(include_url=False):
            context.add_finding("AGREEMENT-199", *context.source.key_of(fault["loc"]), problem=RefusedValue(fault))


def _neighbours(chosen: Sequence[Path], national: Path) -> list[CheckContext]:
    folders = {path.parent.parent for path in chosen}
    years = {path.stem for path in chosen}
    others = {path for folder in folders for path in agreement_paths(folder) if path.stem in years} - set(chosen)
    return [_context(path, national) for path in sorted(others)]


def _schools_in_two_regions(contexts: Sequence[CheckContext], neighbours: Sequence[CheckContext]) -> None:
    """Report schools in two regions, since their dossiers would be delivered twice.

    The folder identifies the region, because a copied file often still has the name of the other region.
    """
    found: dict[tuple[str, str], list[tuple[str, CheckContext, int]]] = defaultdict(list)
    for context in (*contexts, *neighbours):
        year, region = context.source.at("school_year"), context.source.path.parent.name
        for serial, school in people.schools_of(context):
            if isinstance(school.get("id"), str):
                found[str(year), school["id"]].append((region, context, serial))
    shared: dict[tuple[int, str], list[tuple[str, str, CheckContext, int]]] = defaultdict(list)
    for (_, school_id), places in found.items():
        for region, context, serial in places:
            others = ", ".join(sorted({other for other, where, _ in places if where is not context}))
            if others and context in contexts:
                shared[id(context), others].append((school_id, region, context, serial))
    for (_, others), schools in shared.items():
        school_ids = [school_id for school_id, *_ in schools]
        _, region, context, _ = schools[0]
        if len(schools) > MANY:
            examples = ", ".join(sorted(school_ids)[:3])
            facts = {"count": len(schools), "region": region, "others": others, "examples": examples}
            context.add_finding("AGREEMENT-149", "schools", **facts)
            continue
        for school_id, region, context, serial in schools:
            context.add_finding(
                "AGREEMENT-140", "schools", serial, "id", school=school_id, region=region, others=others
            )


def _coordinators_of_another(contexts: Sequence[CheckContext], neighbours: Sequence[CheckContext]) -> None:
    """Report coordinators equal to those of another region, which indicate a copied file."""
    accounts = {id(context): _accounts(context) for context in (*contexts, *neighbours)}
    for context in contexts:
        own = accounts[id(context)]
        if any(finding.code in ("AGREEMENT-140", "AGREEMENT-149") for finding in context.findings):
            continue  # the findings about its schools report the copy
        others = sorted(
            other.source.path.parent.name
            for other in (*contexts, *neighbours)
            if other is not context and own and accounts[id(other)] == own
            and other.source.path.parent != context.source.path.parent
        )  # fmt: skip
        if others:
            context.add_finding("AGREEMENT-179", "coordinators", others=", ".join(others))


def _accounts(context: CheckContext) -> frozenset[str]:
    people = context.source.at("coordinators")
    found = [person.get("account") for person in people if isinstance(person, dict)] if isinstance(people, list) else []
    return frozenset(str(account) for account in found if account)


def _result(context: CheckContext) -> CheckedAgreement:
    own = context.source.path
    in_order = sorted(
        set(context.findings),
        key=lambda found: (found.file != own, str(found.file), found.line, found.column, found.code),
    )
    return CheckedAgreement(own, tuple(in_order))
