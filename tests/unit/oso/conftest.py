from pathlib import Path

import pytest
from official_files import official_files, official_folder


@pytest.fixture(scope="session")
def official() -> Path:
    """The folder with the official files per version."""
    folder = official_folder()
    if folder is None:
        pytest.skip("the official OSO files are not at hand; set OVERSTAP_OFFICIAL to the folder that holds 2019.1/")
    return folder


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `example` over every official example at hand."""
    if "example" in metafunc.fixturenames:
        found = official_files("*/examples/*.xml")
        if found:
            metafunc.parametrize(
                "example", found, ids=[f"{path.parent.parent.name}-{path.stem[17:]}" for path in found]
            )
        else:
            why = "the official OSO files are not at hand; set OVERSTAP_OFFICIAL to the folder that holds 2019.1/"
            metafunc.parametrize("example", [pytest.param(None, marks=pytest.mark.skip(reason=why))])
