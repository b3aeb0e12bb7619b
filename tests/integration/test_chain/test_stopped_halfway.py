"""Processes and servers that stop halfway: a killed command, and a ledger that is away."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import psycopg
from starlette.requests import Request
from starlette.responses import Response

from overstap.ledger import Ledger
from overstap.ledger.dossiers import test_registrations
from overstap.ledger.invariants import check
from overstap_tools.local.postgres import EmbeddedPostgres

from .conftest import REGION, SCHOOL, WAITS, YEAR, Supplier
from .test_mended_mandates import agreed
from .test_results import known, result, send

__all__ = ["send"]
Send = Callable[..., httpx.Response]


def test_a_command_that_is_killed_registers_nobody_twice(
    opened: Ledger,
    supplier: Supplier,
    app_dsn: str,
    keys_folder: Path,
    trust_folder: Path,
) -> None:
    environment = {
        **os.environ,
        "OVERSTAP_LEDGER": app_dsn,
        "OVERSTAP_KEYS": str(keys_folder),
        "OVERSTAP_TRUST": str(trust_folder),
    }
    command = [sys.executable, "-m", "overstap", "tests", "register", REGION, "--by", "c.jansen", "--school", SCHOOL]
    going: list[subprocess.Popen[str]] = []
    announced: list[int] = []

    class Ending(Supplier):
        """Takes what comes, and ends the first command before the answer is out."""

        async def take(self, request: Request) -> Response:
            answer = await super().take(request)
            with opened.unit(REGION, "test") as unit:
                [lines] = unit.one(
                    "select count(*) from overstap.audit_line "
                    "where payload::jsonb ->> 'action' = 'test_registrations.announce'"
                )
            announced.append(lines)
            assert b"Vis" not in Path(f"/proc/{going[-1].pid}/cmdline").read_bytes()
            if len(going) == 1:
                os.kill(going[0].pid, signal.SIGKILL)
            return answer

    def run() -> str:
        with Ending(supplier.trust).serving() as url:
            agreed(opened, "{test_suppliers,0,url}", url)
            going.append(
                subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            )
            return "".join(going[-1].communicate(timeout=WAITS * 4))

    said = run()
    assert going[0].returncode == -signal.SIGKILL, said
    assert announced == [1], "the line is committed before anything leaves"
    with opened.unit(REGION, "test") as unit:
        before = test_registrations.known(unit, YEAR, SCHOOL)
    assert [one.taken_digest for one in before] == [b""] * 3
    said = run()
    assert (going[1].returncode, "Vis" in said) == (0, False), said
    with opened.unit(REGION, "test") as unit:
        after = test_registrations.known(unit, YEAR, SCHOOL)
        assert check(unit) == []
    assert [one.registration for one in after] == [one.registration for one in before]
    assert all(one.taken_digest for one in after)


def test_a_ledger_that_is_away_is_no_202_and_comes_back(
    send: Send, keys: list[str], opened: Ledger, postgres: EmbeddedPostgres, ledger_database: str
) -> None:
    def away(is_away: bool) -> None:
        with psycopg.connect(postgres.superuser_dsn(), autocommit=True) as line:
            line.execute(f'alter database "{ledger_database}" with allow_connections {str(not is_away).lower()}')
            if is_away:
                line.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [ledger_database]
                )

    away(True)
    try:
        try:
            status = send(result(keys[0])).status_code
        except httpx.TransportError:
            status = 0
        assert status in (0, 403, 503)
    finally:
        away(False)
    assert send(result(keys[0])).status_code == 202
    assert len(known(opened)) == 1
