"""Script for an image that lists packages of its lock which neither the package's extras nor its build require."""

import re
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOTS = ("overstap[all]", "hatchling", "editables")


def needed() -> set[str]:
    """Return every installed package that the roots ask for, with what those ask for."""
    found: set[tuple[str, frozenset[str]]] = set()
    left = [Requirement(root) for root in ROOTS]
    while left:
        asked = left.pop()
        key = (canonicalize_name(asked.name), frozenset(asked.extras))
        if key in found:
            continue
        found.add(key)
        try:
            lines = requires(asked.name) or []
        except PackageNotFoundError:
            continue
        for line in lines:
            requirement = Requirement(line)
            extras = ("", *asked.extras)
            if requirement.marker is None or any(requirement.marker.evaluate({"extra": one}) for one in extras):
                left.append(requirement)
    return {name for name, _ in found}


if __name__ == "__main__":
    locked = re.findall(r"^([A-Za-z0-9._-]+)==[^;\n]*$", Path("/tmp/deployment.txt").read_text(), flags=re.M)
    print(*sorted({canonicalize_name(name) for name in locked} - needed()))
