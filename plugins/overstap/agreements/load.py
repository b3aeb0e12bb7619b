"""From file to model. One broken file never stops another."""

from pathlib import Path

import yaml
from pydantic import ValidationError

from overstap.agreements.model import Agreement
from overstap.errors import OverstapError


def agreement_paths(folder: Path) -> list[Path]:
    """Return the agreement files below a folder (`<region>/<school year>.yaml`), sorted."""
    return sorted(folder.glob("*/[0-9]*.yaml"))


def load_agreement(path: Path) -> Agreement:
    """Read one agreement file.

    Args:
        path: the YAML file; its folder is named after the region, its stem after the school year.

    Raises:
        OverstapError: AGREEMENT-001 with the place and the problem.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        agreement = Agreement.model_validate(raw)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise OverstapError("AGREEMENT-001", file=path.name, problem=" ".join(str(problem).split())) from problem
    except ValidationError as problem:
        said = "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}" for fault in problem.errors())
        raise OverstapError("AGREEMENT-001", file=path.name, problem=said) from problem
    if (path.parent.name, path.stem) != (agreement.region, agreement.school_year):
        problem_said = f"it is at {path.parent.name}/{path.stem} but is of {agreement.region}/{agreement.school_year}"
        raise OverstapError("AGREEMENT-001", file=path.name, problem=problem_said)
    return agreement


def load_all(folder: Path) -> tuple[list[Agreement], list[OverstapError]]:
    """Read every agreement below a folder; return the good ones, and an error for each broken one."""
    good: list[Agreement] = []
    broken: list[OverstapError] = []
    for path in agreement_paths(folder):
        try:
            good.append(load_agreement(path))
        except OverstapError as error:
            broken.append(error)
    return good, broken


def find_agreement(folder: Path, region: str, school_year: str) -> Agreement:
    """Return the agreement of a region and school year.

    Raises:
        OverstapError: AGREEMENT-003 when there is no such file, AGREEMENT-001 when it is broken.
    """
    path = folder / region / f"{school_year}.yaml"
    if not path.is_file():
        raise OverstapError("AGREEMENT-003", region=region, folder=str(folder))
    return load_agreement(path)
