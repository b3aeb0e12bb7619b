"""Tests that the declared dependencies, the list of reasons and the lock agree."""

import re
import tomllib

from overstap_tools.project import PROJECT

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*(\[[a-z,]+\])?([=<]=?\S+)?")


def declared() -> set[str]:
    """Return what pyproject.toml and the tools declare, extras of our own left out."""
    found: set[str] = set()
    for path in (PROJECT / "pyproject.toml", PROJECT / "tools" / "pyproject.toml"):
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        found |= {
            *project["dependencies"],
            *(one for of in project.get("optional-dependencies", {}).values() for one in of),
        }
    return {one for one in found if not one.startswith("overstap")}


def listed() -> dict[str, bool]:
    """Return the lines of both lists of what runs, and whether a reason stands above each."""
    found, has_reason = {}, False
    lists = ("requirements.in", "requirements-cluster.in")
    for line in [line for name in lists for line in (PROJECT / name).read_text(encoding="utf-8").splitlines()]:
        if line.startswith("# "):
            has_reason = True
        elif not line.strip():
            has_reason = False
        elif match := _NAME.match(line):
            found[match[0]] = has_reason
    return found


ON_REQUEST = {"saxonche"}
"""Of an extra that an administrator installs beside the image; locked with what developers need."""


def test_requirements_and_package_name_the_same() -> None:
    builders = {"hatchling", "editables"}  # of the package itself, not of what runs
    assert set(listed()) - builders == declared() - ON_REQUEST
    assert declared() >= ON_REQUEST
    assert set((PROJECT / "requirements-dev.in").read_text(encoding="utf-8").splitlines()) >= ON_REQUEST


def test_each_has_a_reason() -> None:
    assert all(listed().values())


def test_the_lock_has_all_of_them() -> None:
    locks = ("requirements.txt", "requirements-cluster.txt")
    text = "\n".join((PROJECT / name).read_text() for name in locks)
    locked = set(re.findall(r"^([A-Za-z0-9._-]+)==", text, flags=re.M))
    names = {re.split(r"[\[=<]", one)[0] for one in listed()}
    assert names <= locked


def test_the_cluster_adds_to_the_lock_and_changes_nothing() -> None:
    plain, more = (
        dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", (PROJECT / name).read_text(), flags=re.M))
        for name in ("requirements.txt", "requirements-cluster.txt")
    )
    assert {name: version for name, version in more.items() if plain.get(name, version) != version} == {}
    assert {"celery", "redis", "s3fs"} <= set(more) - set(plain)


def test_what_slows_every_start_of_airflow_is_in_no_lock() -> None:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]
    excluded = set(settings["exclude-dependencies"])
    assert excluded
    for lock in PROJECT.glob("requirements*.txt"):
        names = set(re.findall(r"^([A-Za-z0-9._-]+)==", lock.read_text(), flags=re.M))
        assert not names & excluded, lock.name


def test_each_locked_package_has_the_hashes_of_its_files() -> None:
    for name in ("requirements.txt", "requirements-cluster.txt", "requirements-dev.txt"):
        lines = [one for one in (PROJECT / name).read_text().splitlines() if not one.lstrip().startswith("#")]
        bare = [one for one in lines if not re.search(r" --hash=sha256:[0-9a-f]{64}", one)]
        assert lines
        assert not bare, f"{name}: made by hand? `make lock` writes the hashes"


def test_every_extra_that_an_extra_names_is_there() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    named = {
        extra
        for of in extras.values()
        for one in of
        if one.startswith("overstap[")
        for extra in one.removeprefix("overstap[").removesuffix("]").split(",")
    }
    assert named <= set(extras)
    assert not {one for one in project["dependencies"] if one.startswith(("pandas", "apache-airflow", "great"))}
