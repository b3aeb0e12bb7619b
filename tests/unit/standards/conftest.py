from collections.abc import Iterator
from pathlib import Path

import pytest
from edited_standard import make
from official_files import official_folder

from overstap.oso.version_cache import forget_versions
from overstap.standards.adding import OfficialFiles


@pytest.fixture(scope="session")
def official() -> Path:
    """The folder with the official files per version."""
    folder = official_folder()
    if folder is None:
        pytest.skip("the official OSO files are not at hand; set OVERSTAP_OFFICIAL to the folder that holds 2019.1/")
    return folder


@pytest.fixture
def standards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder for added versions, which this process reads."""
    folder = tmp_path / "standards"
    monkeypatch.setenv("OVERSTAP_STANDARDS", str(folder))
    forget_versions()
    yield folder
    monkeypatch.delenv("OVERSTAP_STANDARDS")
    forget_versions()


@pytest.fixture(scope="session")
def edited(official: Path, tmp_path_factory: pytest.TempPathFactory) -> OfficialFiles:
    """Official files of a next version, made by editing those of 2019.1."""
    schema, sheets = make(official, tmp_path_factory.mktemp("edited") / "files")
    return OfficialFiles(schema, tuple(sheets))
