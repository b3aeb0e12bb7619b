"""Who registers pupils is named in the audit chain: nobody does without an account."""

import pytest
from typer.testing import CliRunner

from overstap.cli.tests import app


@pytest.mark.parametrize("command", ["register", "advices"])
@pytest.mark.parametrize("account", ["", "  ", "c\nx", "\x1b[31m"])
def test_nobody_registers_without_an_account(command: str, account: str) -> None:
    done = CliRunner().invoke(app, [command, "alfa", "--by", account])
    assert done.exit_code == 2
    assert "your account: not empty" in done.output
