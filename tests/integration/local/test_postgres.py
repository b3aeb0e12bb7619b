"""Tests of the embedded PostgreSQL server: start, kill, stop, destroy."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from overstap.errors import OverstapError
from overstap.ledger.migrate import add_region, migrate
from overstap_tools.local import ports
from overstap_tools.local import postgres as module
from overstap_tools.local.account import server_account
from overstap_tools.local.postgres import APPLICATION, LEDGER, OWNER, EmbeddedPostgres
from overstap_tools.local.services import Service, stop_all
from overstap_tools.project import PROJECT


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    found = EmbeddedPostgres(tmp_path / "pg", is_durable=False)
    found.start()
    yield found
    found.destroy()


def ask(dsn: str, question: str) -> str:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return str(row[0])


def kill(server: EmbeddedPostgres) -> None:
    process = psutil.Process(Service(server.folder, "postgres").pid)
    process.send_signal(signal.SIGKILL)
    psutil.wait_procs([process], timeout=10)


def test_it_is_version_18_in_utf8_on_loopback_with_passwords(server: EmbeddedPostgres) -> None:
    dsn = server.superuser_dsn()
    assert ask(dsn, "show server_version").startswith("18.")
    assert ask(dsn, "show server_encoding") == "UTF8"
    assert ask(dsn, "show listen_addresses") == "127.0.0.1"
    assert ask(dsn, "show unix_socket_directories") == ""
    assert ask(dsn, "select count(*) from pg_hba_file_rules where auth_method <> 'scram-sha-256'") == "0"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(dsn.replace(server.password("postgres"), "x" * 64))


def test_it_sorts_and_folds_the_same_on_every_machine(server: EmbeddedPostgres) -> None:
    assert ask(server.superuser_dsn(), "select lower('ÉLÈVE Ş')") == "élève ş"


def test_what_was_committed_survives_a_kill_and_a_stop(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.superuser_dsn()) as connection:
        connection.execute("create table kept (n int)")
        connection.execute("insert into kept values (7)")
    kill(server)
    assert not server.is_running
    server.start()
    assert ask(server.superuser_dsn(), "select n from kept") == "7"
    server.stop()
    server.stop()
    server.start()
    server.start()
    assert ask(server.superuser_dsn(), "select n from kept") == "7"


def test_a_lock_file_with_another_process_number_does_not_stop_it(server: EmbeddedPostgres) -> None:
    kill(server)
    # As after a reboot, when the number of the killed server has become some other process of the same account.
    account = server_account()
    who = {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}
    other = subprocess.Popen(["/bin/sleep", "600"], cwd="/", **who)  # type: ignore[call-overload]
    lock = Path((server.folder / "place").read_text()) / "data" / "postmaster.pid"
    lines = lock.read_text().splitlines()
    lock.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
    server.start()
    assert ask(server.superuser_dsn(), "select 1") == "1"
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_server_whose_record_was_lost_is_ended_first(server: EmbeddedPostgres) -> None:
    first = psutil.Process(Service(server.folder, "postgres").pid)
    shutil.rmtree(server.folder / "run")
    assert not server.is_running
    server.start()
    assert not first.is_running() or first.status() == psutil.STATUS_ZOMBIE
    assert ask(server.superuser_dsn(), "select 1") == "1"


def test_it_moves_to_another_port_when_its_own_was_taken(server: EmbeddedPostgres) -> None:
    before = server.port
    server.stop()
    program = "import socket, time; s = socket.create_server(('127.0.0.1', %d)); print(flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", program % before], stdout=subprocess.PIPE) as squatter:
        assert squatter.stdout is not None
        squatter.stdout.readline()
        server.start()
        assert server.port != before
        with pytest.raises(OverstapError, match=f"LOCAL-001.*{before}"):
            EmbeddedPostgres(server.folder.parent / "other", port=before).start()
        squatter.kill()
    assert ask(server.superuser_dsn(), "select 1") == "1"


def test_destroy_leaves_nothing(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg", is_durable=False)
    server.start()
    place, port = Path((server.folder / "place").read_text()), server.port
    server.destroy()
    server.destroy()
    assert not place.exists()
    assert not server.folder.exists()
    assert ports.is_free(port)


def test_a_folder_that_cannot_hold_data_is_named_and_left_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = EmbeddedPostgres(tmp_path / "pg")
    monkeypatch.setattr(module, "SUPERUSER", "pg_reserved")  # initdb refuses names that begin with pg_
    with pytest.raises(OverstapError, match=r"LOCAL-004.*pg_reserved"):
        server.start()
    place = Path((server.folder / "place").read_text())
    assert list(place.iterdir()) == []
    monkeypatch.undo()
    server.start()
    assert ask(server.superuser_dsn(), "select 1") == "1"
    server.destroy()


def test_stop_all_ends_it_from_another_object(server: EmbeddedPostgres) -> None:
    assert stop_all(server.folder.parent) == ["postgres"]
    assert not server.is_running


def test_the_ledger_gets_an_owner_that_is_no_superuser_and_a_login_that_takes_on_a_region(
    server: EmbeddedPostgres,
) -> None:
    server.provision()
    server.provision()
    owner = server.dsn(OWNER, LEDGER)
    migrate(owner)
    add_region(owner, "demo")
    assert ask(owner, "select rolsuper from pg_roles where rolname = current_user") == "False"
    with psycopg.connect(server.dsn(APPLICATION, LEDGER)) as connection:
        connection.execute("set local role overstap_region_demo")
        assert connection.execute("select region from overstap.region").fetchall() == [("demo",)]


def test_a_role_enters_its_own_database_alone(server: EmbeddedPostgres) -> None:
    server.create_role("one")
    server.create_database("one", "one")
    server.create_role("two")
    assert ask(server.dsn("one", "one"), "select current_user") == "one"
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(server.dsn("two", "one"))


@pytest.mark.fault("F70")
def test_no_value_of_a_failing_statement_is_in_the_log(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.superuser_dsn(), autocommit=True) as connection:
        connection.execute("create table one (n int unique, name text)")
        connection.execute("insert into one values (1, 'x')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("insert into one values (1, 'Bijzonder Herkenbaar')")
    log = (server.folder / "logs" / "postgres.log").read_text()
    assert "duplicate key" in log
    assert "Herkenbaar" not in log


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_as_root_programs_that_the_account_cannot_reach_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = module._package()
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    for folder in (package, package.parent / f"{package.name}.libs"):
        shutil.copytree(folder, hidden / folder.name, ignore=shutil.ignore_patterns("pginstall", "include"))
    monkeypatch.setattr(module, "_package", lambda: hidden / package.name)
    server = EmbeddedPostgres(tmp_path / "pg", is_durable=False)
    server.start()
    process = psutil.Process(Service(server.folder, "postgres").pid)
    assert Path(process.exe()).is_relative_to((server.folder / "place").read_text())
    assert process.uids().real != 0
    assert ask(server.superuser_dsn(), "select 1") == "1"
    server.destroy()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; others are ordinary users already")
def test_an_ordinary_user_keeps_everything_in_the_folder(tmp_path: Path) -> None:
    account = server_account()
    assert account is not None
    home = tmp_path / "home"
    home.mkdir()
    for folder in [home, *tmp_path.parents]:
        if folder.is_relative_to("/tmp") and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)
    tmp_path.chmod(0o755)
    os.chown(home, account.uid, account.gid)
    program = "import sys; from pathlib import Path; from overstap_tools.local.postgres import EmbeddedPostgres as E\n"
    program += "s = E(Path(sys.argv[1])); s.start(); print((s.folder / 'place').read_text()); s.destroy()"
    who = {"user": account.uid, "group": account.gid, "extra_groups": []}
    # This test's own Python may be in root's home, which no other user enters; the system's can use its packages.
    packages = os.pathsep.join(
        [str(PROJECT / "src"), str(PROJECT / "tools"), *(path for path in sys.path if path.endswith("-packages"))]
    )
    env = {"PATH": os.defpath, "PYTHONPATH": packages}
    pythons = [sys.executable, f"/usr/bin/python3.{sys.version_info[1]}"]
    usable = [python for python in pythons if _can_run(python, env, who)]
    if not usable:
        pytest.skip(f"an ordinary user can run none of {', '.join(pythons)}")
    said = subprocess.check_output(
        [usable[0], "-c", program, str(home / "pg")],
        env=env,
        cwd="/",
        text=True,
        **who,  # type: ignore[call-overload]
    )
    assert Path(said.strip()) == home / "pg" / "server"


def _can_run(python: str, env: dict[str, str], who: dict[str, object]) -> bool:
    try:
        return subprocess.run([python, "-c", "import psycopg, overstap"], env=env, cwd="/", **who).returncode == 0  # type: ignore[call-overload]
    except OSError:
        return False


def test_data_are_in_memory_where_it_has_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = tmp_path / "memory"
    memory.mkdir()
    memory.chmod(0o755)
    monkeypatch.setattr(module, "_MEMORY", memory)
    monkeypatch.setattr(module, "_MEMORY_ROOM", 0)
    server = EmbeddedPostgres(tmp_path / "pg", is_durable=False, in_memory=True)
    assert server._new_place(None).parent == memory
    monkeypatch.setattr(module, "_MEMORY_ROOM", 1 << 60)
    assert server._new_place(None).parent == server.folder
    monkeypatch.setattr(module, "_MEMORY", tmp_path / "none")
    assert server._new_place(None).parent == server.folder


def test_data_that_must_last_are_never_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MEMORY", tmp_path)
    monkeypatch.setattr(module, "_MEMORY_ROOM", 0)
    server = EmbeddedPostgres(tmp_path / "pg", in_memory=True)
    server.folder.mkdir()
    assert server._new_place(None).parent == server.folder


def test_a_server_in_memory_leaves_nothing_there(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg", is_durable=False, in_memory=True)
    server.start()
    place = Path((server.folder / "place").read_text())
    assert ask(server.superuser_dsn(), "show data_directory") == str(place / "data")
    server.destroy()
    assert not place.exists()
