"""All checks over all files."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from overstap.agreements.checks import (
    content,
    law,
    moments,
    notices,
    people,
    retention,
    schema_check,
)
from overstap.agreements.checks.context import CheckContext
from overstap.agreements.findings import AgreementFinding, AgreementSeverity, finding_of
from overstap.agreements.load import agreement_paths
from overstap.agreements.national import FOLDER, National, national_year
from overstap.agreements.source_positions import SCHOOL_YEAR, read_written
from overstap.errors import OverstapError

MANY = 5
"""More schools than this in the same other region are told in one sentence: the file is a copy of its file."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A file with what was found in it.

    Args:
        path: the agreement file.
        findings: errors and warnings, by line.
    """

    path: Path
    findings: tuple[AgreementFinding, ...]

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(found.severity is AgreementSeverity.ERROR for found in self.findings)

    @property
    def warnings(self) -> int:
        """How many findings are warnings."""
        return len(self.findings) - self.errors


def check_agreements(
    paths: Iterable[Path], *, national: Path = FOLDER, register: frozenset[str] | None = None
) -> list[Checked]:
    """Check agreement files, each by itself and against the other regions of its school year.

    A file that has no errors is loaded by `load_agreement`, and the reverse: a file that is not loaded has errors.

    Args:
        paths: the files, each at `<folder>/<region>/<school year>.yaml`. The other regions in the same folders are
            read too, to find a school that stands in two, but not checked.
        national: folder with the national files.
        register: the ids of all schools that exist; None leaves that question out.
    """
    chosen = [path.absolute() for path in paths]
    contexts = [_context(path, national) for path in chosen]
    for context in contexts:
        if isinstance(context.written.data, dict):
            moments.check(context)
            law.check(context)
            content.check(context)
            people.check(context, register)
            notices.check(context)
            retention.check(context)
            is_taken = schema_check.check(context)
            _nothing_unsaid(context, is_taken)
    neighbours = _neighbours(chosen, national)
    _schools_in_two_regions(contexts, neighbours)
    _coordinators_of_another(contexts, neighbours)
    return [_checked(context) for context in contexts]


def _context(path: Path, national: Path) -> CheckContext:
    written = read_written(path, national)
    context = CheckContext(written, _national(written.at("school_year"), national))
    context.findings.extend(finding_of(fault) for fault in written.faults)
    return context


def _national(school_year: object, folder: Path) -> National | None:
    if not isinstance(school_year, str) or not SCHOOL_YEAR.fullmatch(school_year):
        return None  # no year: its form is told
    try:
        return national_year(school_year, folder)
    except (OverstapError, ValueError):
        return None  # the file's own fault is told: a broken national file, or no school year


def _nothing_unsaid(context: CheckContext, is_taken: bool) -> None:
    """Make sure that what the model refuses is an error here too, whatever the checks thought of it."""
    if is_taken or any(found.severity is AgreementSeverity.ERROR for found in context.findings):
        return
    from pydantic import ValidationError

    from overstap.agreements.model import Agreement
    from overstap.agreements.model.refusals import RefusedValue

    try:
        Agreement.model_validate(context.written.data)
    except ValidationError as problem:
        for fault in problem.errors(include_url=False):
            context.say("AGREEMENT-199", *context.written.key_of(fault["loc"]), problem=RefusedValue(fault))


def _neighbours(chosen: Sequence[Path], national: Path) -> list[CheckContext]:
    folders = {path.parent.parent for path in chosen}
    years = {path.stem for path in chosen}
    others = {path for folder in folders for path in agreement_paths(folder) if path.stem in years} - set(chosen)
    return [_context(path, national) for path in sorted(others)]


def _schools_in_two_regions(contexts: Sequence[CheckContext], neighbours: Sequence[CheckContext]) -> None:
    """A pupil's dossier would go through two rounds, and be delivered twice.

    A region is told by its folder: in a file that was copied from another its own name is often still to be mended.
    """
    found: dict[tuple[str, str], list[tuple[str, CheckContext, int]]] = defaultdict(list)
    for context in (*contexts, *neighbours):
        year, region = context.written.at("school_year"), context.written.path.parent.name
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
            context.say("AGREEMENT-149", "schools", **facts)
            continue
        for school_id, region, context, serial in schools:
            context.say("AGREEMENT-140", "schools", serial, "id", school=school_id, region=region, others=others)


def _coordinators_of_another(contexts: Sequence[CheckContext], neighbours: Sequence[CheckContext]) -> None:
    """The coordinators of the file that this one was copied from would be asked this region's questions."""
    accounts = {id(context): _accounts(context) for context in (*contexts, *neighbours)}
    for context in contexts:
        own = accounts[id(context)]
        if any(one.code in ("AGREEMENT-140", "AGREEMENT-149") for one in context.findings):
            continue  # that it is a copy is told by its schools
        others = sorted(
            other.written.path.parent.name
            for other in (*contexts, *neighbours)
            if other is not context and own and accounts[id(other)] == own
            and other.written.path.parent != context.written.path.parent
        )  # fmt: skip
        if others:
            context.say("AGREEMENT-179", "coordinators", others=", ".join(others))


def _accounts(context: CheckContext) -> frozenset[str]:
    people = context.written.at("coordinators")
    found = [one.get("account") for one in people if isinstance(one, dict)] if isinstance(people, list) else []
    return frozenset(str(account) for account in found if account)


def _checked(context: CheckContext) -> Checked:
    own = context.written.path
    in_order = sorted(
        set(context.findings),
        key=lambda found: (found.file != own, str(found.file), found.line, found.column, found.code),
    )
    return Checked(own, tuple(in_order))
