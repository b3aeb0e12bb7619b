"""Finding and reading of mapping files: in the region's folder first, then among those of Overstap."""

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from overstap.errors import OverstapError
from overstap.intake.mappings.model import NAME, Mapping
from overstap.resources import INCLUDE
from overstap.texts import read_yaml

BUILT_IN = INCLUDE / "mappings"
FOLDER = "mappings"
_MAX_BYTES = 500_000


def load(name: str, regions: Path | None, region: str) -> Mapping:
    """Return a mapping by its name.

    Args:
        name: its name.
        regions: folder of the agreements (setting OVERSTAP_REGIONS); None without one.
        region: region id, whose folder `mappings` counts before that of Overstap.

    Raises:
        OverstapError: INTAKE-100 without such a file; INTAKE-101 when it is not valid.
    """
    if not re.fullmatch(NAME, name):
        raise OverstapError("INTAKE-100", mapping=name[:40])
    for folder in ([regions / region / FOLDER] if regions is not None else []) + [BUILT_IN]:
        path = folder / f"{name}.yaml"
        if path.is_file():
            return read_mapping(path)
    raise OverstapError("INTAKE-100", mapping=name)


def read_mapping(path: Path) -> Mapping:
    """Read one mapping file.

    Raises:
        OverstapError: INTAKE-101 when it is not valid, with the place.
    """
    name = path.stem[:40]
    if path.stat().st_size > _MAX_BYTES:
        raise OverstapError("INTAKE-101", mapping=name, where=f"> {_MAX_BYTES // 1000} kB")
    try:
        stated: Any = read_yaml(path)
    except (yaml.YAMLError, ValueError, RecursionError) as problem:  # a number or day that is none, no UTF-8
        mark = getattr(problem, "problem_mark", None)
        raise OverstapError("INTAKE-101", mapping=name, where=f"regel {mark.line + 1}" if mark else "YAML") from None
    if isinstance(stated, dict) and stated.get("name") != path.stem:
        raise OverstapError("INTAKE-101", mapping=name, where=f"name: {path.stem}")
    try:
        return Mapping.model_validate(stated)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise OverstapError("INTAKE-101", mapping=name, where=": ".join(filter(None, (place, first["msg"])))) from None
