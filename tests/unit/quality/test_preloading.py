"""Tests of what is read before processes are forked: the built-in versions, and never an added one."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from overstap.oso.version_cache import forget_versions
from overstap.oso.version_folders import BUILT_IN
from overstap.quality import rulebook
from overstap.quality.preloading import preload


def test_built_in_versions_are_read_and_added_ones_are_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    added = tmp_path / "2099.1"
    added.mkdir()
    (added / "version.yaml").write_text("broken: [", encoding="utf-8")
    monkeypatch.setenv("OVERSTAP_STANDARDS", str(tmp_path))
    catalogues = importlib.import_module("overstap.oso.catalogue")  # the package has a function of that name
    read: list[str] = []
    load = catalogues.load_catalogue

    def counted(version: str, *rest: Any) -> Any:
        read.append(version)
        return load(version, *rest)

    monkeypatch.setattr(catalogues, "load_catalogue", counted)
    forget_versions()
    try:
        preload()
        built_in = sorted(path.parent.name for path in BUILT_IN.glob("*/version.yaml"))
        assert sorted(read) == built_in
        for version in built_in:
            catalogues.catalogue(version)
            assert rulebook.rules(version)
        assert sorted(read) == built_in, "nothing is read twice"
    finally:
        forget_versions()
