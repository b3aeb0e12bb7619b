"""Loading of agreement files; a broken file is reported and stops no other."""

from pathlib import Path

from pydantic import ValidationError

from overstap.agreements.findings import finding_of
from overstap.agreements.model import Agreement
from overstap.agreements.national import FOLDER
from overstap.agreements.source_positions import read_written
from overstap.errors import OverstapError


def agreement_paths(folder: Path, region: str | None = None) -> list[Path]:
    """Return the agreement files below a folder (`<region>/<school year>.yaml`), of all regions or one, sorted."""
    return sorted(folder.glob("*/[0-9]*.yaml") if region is None else (folder / region).glob("[0-9]*.yaml"))


def load_agreement(path: Path, national: Path = FOLDER, *, is_anywhere: bool = False) -> Agreement:
    """Read one agreement file; what it leaves out comes from the national file of its school year.

    It is refused when it cannot be understood. Whether it is wise, and lawful, is for `overstap agreement check`.

    Args:
        path: the YAML file; its folder is named after the region, its stem after the school year.
        national: folder with the national files.
        is_anywhere: the file may have another place and name, as an older version has that is compared with.

    Raises:
        OverstapError: AGREEMENT-001 with the place and the problem.
    """
    written = read_written(path, national)
    if written.faults:
        faults = [finding_of(fault) for fault in written.faults]
        said = "; ".join(f"{fault.file.name} line {fault.line}: {fault.message_en.rstrip('.')}" for fault in faults)
        raise OverstapError("AGREEMENT-001", file=path.name, problem=said)
    try:
        agreement = Agreement.model_validate(written.data)
    except ValidationError as problem:
        said = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'file'} (line {written.place(fault['loc']).line}): {fault['msg']}"
            for fault in problem.errors()
        )
        raise OverstapError("AGREEMENT-001", file=path.name, problem=said) from problem
    if not is_anywhere and (path.parent.name, path.stem) != (agreement.region, agreement.school_year):
        problem_said = f"it is at {path.parent.name}/{path.stem} but is of {agreement.region}/{agreement.school_year}"
        raise OverstapError("AGREEMENT-001", file=path.name, problem=problem_said)
    return agreement


def load_all(folder: Path, region: str | None = None) -> tuple[list[Agreement], list[OverstapError]]:
    """Read every agreement below a folder; return the good ones, and an error for each broken one.

    Args:
        folder: where the agreements are.
        region: read those of one region only.
    """
    good: list[Agreement] = []
    broken: list[OverstapError] = []
    for path in agreement_paths(folder, region):
        try:
            good.append(load_agreement(path))
        except OverstapError as error:
            broken.append(error)
    return good, broken


def load_in_use(folder: Path, *, production: bool, region: str | None = None) -> list[Agreement]:
    """Return the good agreements of which rounds are made: in production, no examples.

    Args:
        folder: where the agreements are.
        production: whether this is a production deployment.
        region: read those of one region only.
    """
    return [agreement for agreement in load_all(folder, region)[0] if not (production and agreement.example)]


def find_agreement(folder: Path, region: str, school_year: str) -> Agreement:
    """Return the agreement of a region and school year.

    Raises:
        OverstapError: AGREEMENT-003 when there is no such file, AGREEMENT-001 when it is broken.
    """
    path = folder / region / f"{school_year}.yaml"
    if not path.is_file():
        raise OverstapError("AGREEMENT-003", region=region, folder=str(folder))
    return load_agreement(path)
