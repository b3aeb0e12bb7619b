"""Test that `make` alone names everything that can be asked of it."""

import re

from overstap_tools.project import PROJECT

FOR_FEW = {"help", "test-deployment"}
"""The help itself, and the deployment in containers, which few machines can run."""


def test_every_goal_stands_in_the_help() -> None:
    [goals] = re.findall(r"^\.PHONY: (.*)$", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    said = (PROJECT / "include" / "texts" / "bootstrap" / "help.txt").read_text(encoding="utf-8")
    assert sorted(set(goals.split()) - FOR_FEW) == sorted(re.findall(r"^make (\S+)", said, re.MULTILINE))
