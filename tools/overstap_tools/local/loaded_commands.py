"""Commands of Airflow and Overstap in one process that has loaded Airflow, one after another.

Each start of Airflow takes seconds of a processor, of which a boot needs several commands. Run as a program
(`python -m overstap_tools.local.loaded_commands LOG`) this is that process: it reads a command as a line of JSON, and
writes its exit code and its standard output as another.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

_AIRFLOW = "airflow"


class LoadedCommands:
    """The process, seen from whoever has commands for it. It ends by itself when that one is gone.

    Args:
        env: its whole environment.
        cwd: its working folder.
        log: file that is added to, with what the commands say.
    """

    def __init__(self, env: Mapping[str, str], cwd: Path, log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", __name__, str(log)],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # without a terminal, so that a password is read from standard input
        )

    def run(self, program: str, words: Sequence[str], typed: str = "") -> tuple[int, str]:
        """Run a command and wait for it.

        Args:
            program: `airflow` or `overstap`.
            words: what follows the name of the program. No secrets: they are written to the log.
            typed: what it reads from standard input.

        Returns:
            Its exit code, and what it wrote to standard output. Where the process itself ended: 1, and nothing.
        """
        asking, answering = self._process.stdin, self._process.stdout
        if asking is None or answering is None:
            raise RuntimeError("started without pipes")
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps([program, list(words), typed]), file=asking, flush=True)
        answer = answering.readline()
        code, said = json.loads(answer) if answer else (1, "")
        return int(code), str(said)

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(BrokenPipeError):
            self._process.__exit__(None, None, None)


def main() -> None:
    """Run commands until there are no more."""
    asked, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    for line in asked:
        print(json.dumps(_run(*json.loads(line))), file=answers, flush=True)


def _run(program: str, words: list[str], typed: str) -> tuple[int, str]:
    """Run one command as the program of its name does."""
    said = io.StringIO()
    sys.argv, sys.stdin = [program, *words], io.StringIO(typed)
    with contextlib.redirect_stdout(said):
        code = _exit_code(program)
    print(f"== {' '.join([program, *words])}: {code}\n{said.getvalue()}", flush=True)
    return code, said.getvalue()


def _exit_code(program: str) -> int:
    try:
        if program == _AIRFLOW:
            from airflow.__main__ import main as airflow

            airflow()
        else:
            from overstap.cli import main as overstap

            overstap()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception:  # as the interpreter does at a command's end
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    main()
