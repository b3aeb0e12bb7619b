"""Tests of the memory of idle processes of a deployment: which libraries they load."""

import pkgutil
import subprocess
import sys

import pytest

from overstap import cli

HEAVY = {"airflow", "fontTools", "fpdf", "great_expectations", "numpy", "openpyxl", "pandas", "PIL", "pypdf"}
"""Packages of 5 MB and more each, which pages need for single documents or not at all."""


@pytest.mark.parametrize("pages", ["parents.serve", "school.serve", "board.app"])
def test_pages_load_no_library_of_documents_before_one_is_made(pages: str) -> None:
    commands = ", ".join(f"overstap.cli.{one.name}" for one in pkgutil.iter_modules(cli.__path__))
    code = f"import sys, {commands}, overstap.pages.{pages}; print(*{HEAVY} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
