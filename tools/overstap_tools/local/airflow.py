"""Airflow as four processes on one machine: api-server, scheduler, dag-processor, triggerer.

Not `airflow standalone`: when that is killed its children go on. Each component is a service of its own, ended by its
record. Airflow itself is never imported here, only run.
"""

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from overstap.errors import OverstapError
from overstap_tools.local import ports
from overstap_tools.local.api import ADMIN, ASK_SECONDS, AirflowApi
from overstap_tools.local.environment import AirflowFolders, environment
from overstap_tools.local.loaded_commands import LoadedCommands
from overstap_tools.local.passwords import Passwords
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.local.services import Service
from overstap_tools.local.waiting import Wait

DATABASE = "airflow"
"""Of a deployment; a second Airflow beside it on the same server needs another."""
USUAL_PORT = 8080
_STARTS_SECONDS = 600.0

_KEYS = frozenset({"OVERSTAP_KEYS", "OVERSTAP_BOARD_KEYS", "OVERSTAP_TRUST"})

# `--skip-serve-logs`: the log server would listen on every address of the machine, whatever is set.
_COMPONENTS: dict[str, tuple[str, ...]] = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "triggerer": ("triggerer", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
}
_HEARTBEATS = {
    "scheduler": ("scheduler", "latest_scheduler_heartbeat"),
    "triggerer": ("triggerer", "latest_triggerer_heartbeat"),
    "dag-processor": ("dag_processor", "latest_dag_processor_heartbeat"),
}


class AirflowStack:
    """An Airflow with LocalExecutor and FAB authentication, on 127.0.0.1. Every method is safe to repeat.

    Args:
        state: the state folder: logs, records, secrets, and `airflow/` as AIRFLOW_HOME.
        postgres: a running server; Airflow gets a database and a role in it.
        dags: folder with DAG files.
        plugins: folder with plugins.
        port: the api-server's port; None for 8080, or any free one where that is taken.
        extra_env: further environment variables of all components, such as OVERSTAP_LEDGER or AIRFLOW_CONN_LAS.
        parallelism: how many tasks run at the same time.
        database: name of its database and of the role that owns it.
        proxy: address of a proxy that is believed about where a visitor comes from, as in a deployment; None for none.
    """

    def __init__(
        self,
        state: Path,
        postgres: EmbeddedPostgres,
        dags: Path,
        plugins: Path,
        *,
        port: int | None = None,
        extra_env: Mapping[str, str] | None = None,
        parallelism: int = 8,
        database: str = DATABASE,
        proxy: str | None = None,
    ) -> None:
        self.state = state.absolute()
        self._postgres = postgres
        self._dags = dags.absolute()
        self._plugins = plugins.absolute()
        self._wanted_port = port
        self._extra = dict(extra_env or {}) | ({"FORWARDED_ALLOW_IPS": proxy} if proxy else {})
        self._components = dict(_COMPONENTS)
        if proxy:
            self._components["api-server"] += ("--proxy-headers",)
        self._parallelism = parallelism
        self._database = database
        self._passwords = Passwords(self.state)
        self._services = {name: Service(self.state, name) for name in _COMPONENTS}
        self._loaded: LoadedCommands | None = None
        self._tokens: dict[str, str] = {}

    @property
    def port(self) -> int:
        """The api-server's port: chosen once per start of the whole, kept in the state folder."""
        record = self.state / "airflow-port"
        if record.exists():
            return int(record.read_text())
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        chosen = ports.choose(USUAL_PORT, self._wanted_port, "Airflow").port
        record.write_text(str(chosen))
        return chosen

    @property
    def address(self) -> str:
        """Where a browser finds it: `http://127.0.0.1:8080`."""
        return self._place.address

    @property
    def is_moved(self) -> bool:
        """Whether it is not on 8080, which a user should be told."""
        return self.port != USUAL_PORT

    @property
    def admin_password(self) -> str:
        """The generated password of the account `admin`."""
        return self._passwords.get(f"user {ADMIN}")

    @property
    def env(self) -> dict[str, str]:
        """The environment of every component, for whoever runs a command beside them."""
        return environment(self._place, self._passwords, self._extra)

    @property
    def pids(self) -> dict[str, int]:
        """The process of each component that runs."""
        return {name: service.pid for name, service in self._services.items() if service.is_running}

    @property
    def is_running(self) -> bool:
        """Whether all four processes live."""
        return all(service.is_running for service in self._services.values())

    def password(self, account: str) -> str:
        """Return the generated password of an account, which exists before the account does."""
        return self._passwords.get(f"user {account}")

    def api(self, account: str = ADMIN) -> AirflowApi:
        """Return a client of its REST API; an account signs in once for all of its clients.

        Args:
            account: an account whose password is the generated one.
        """
        return AirflowApi(self.address, account, self.password(account), tokens=self._tokens)

    def migrate(self) -> None:
        """Make the database, bring it to Airflow's schema, and add the account `admin`.

        Raises:
            OverstapError: LOCAL-007 when Airflow's own command fails.
        """
        self._postgres.create_role(self._database)
        self._postgres.create_database(self._database, self._database)
        self.command("db", "migrate")
        person = ("--firstname", "Beheer", "--lastname", "Overstap", "--email", "admin@overstap.invalid")
        # The password goes by standard input, since every user of a machine can read a command line.
        twice = f"{self.admin_password}\n{self.admin_password}\n"
        self.command("users", "create", "--username", ADMIN, "--role", "Admin", *person, typed=twice)

    def sync_access(self) -> str:
        """Run `overstap access sync` in this environment, as a deployment does; return what it said.

        Raises:
            OverstapError: LOCAL-007 when it fails.
        """
        return self._run("overstap", ("access", "sync"))

    def command(self, *words: str, typed: str = "") -> str:
        """Run an `airflow` command in this environment and wait for it.

        Commands run in one process, which has loaded Airflow and is there until the components have started, until
        they are stopped, or until `end_commands`.

        Args:
            words: the command, such as ("dags", "list").
            typed: what it reads from standard input.

        Returns:
            What it wrote to standard output.

        Raises:
            OverstapError: LOCAL-007 when it fails; what it wrote is in `logs/airflow-command.log`.
        """
        return self._run("airflow", words, typed)

    def end_commands(self) -> None:
        """End the process that runs commands; the next command starts another."""
        if self._loaded is not None:
            self._loaded.close()
            self._loaded = None

    def _run(self, program: str, words: Sequence[str], typed: str = "") -> str:
        log = self.state / "logs" / "airflow-command.log"
        if self._loaded is None:
            self._loaded = LoadedCommands(self.env, self._home, log)
        code, said = self._loaded.run(program, words, typed)
        if code != 0:
            self.end_commands()
            raise OverstapError("LOCAL-007", command=" ".join([program, *words[:2]]), log=str(log))
        return said

    def start(self, before_dags: Callable[[AirflowApi], None] | None = None) -> None:
        """Start the components and wait until each is alive in this very boot; what runs already is left alone.

        Args:
            before_dags: called with the administrator's client once the api-server answers and before any DAG file is
                read. Roles must be made here: a DAG file that names an unknown role is an import error as a whole.

        Raises:
            OverstapError: LOCAL-001 when the port is taken, LOCAL-005 when a component does not get going. Whatever was
                started by then is stopped.
        """
        if not self._services["api-server"].is_running:
            self._take_port()
        try:
            # A dag-processor that ended is begun with the others: nothing waits for roles then
            reads_at_once = before_dags is None
            self._begin("api-server", "scheduler", "triggerer", *(("dag-processor",) if reads_at_once else ()))
            with self.api() as client:
                self._wait(lambda: client.health() is not None, "api-server")
                if before_dags is not None:
                    before_dags(client)
                self._begin("dag-processor")
                for component in _HEARTBEATS:
                    self._wait(partial(self._has_beaten, client, component), component)
        except BaseException:
            # Also on Ctrl-C: nothing may be left half started.
            self.stop()
            raise
        self.end_commands()

    def stop(self) -> None:
        """End the components: first what starts work, last what they report to; kill what does not end by itself."""
        self.end_commands()
        for name in ("dag-processor", "scheduler", "triggerer", "api-server"):
            self._services[name].stop()

    def destroy(self) -> None:
        """Stop, and remove the database, the secrets, the logs and Airflow's folder."""
        self.stop()
        self._tokens.clear()
        if self._postgres.is_running:
            self._postgres.drop_database(self._database)
        if self.state.exists():
            shutil.rmtree(self.state)

    @property
    def _home(self) -> Path:
        home = self.state / "airflow"
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return home

    @property
    def _place(self) -> AirflowFolders:
        database = self._postgres.dsn(self._database, self._database, scheme="postgresql+psycopg")
        return AirflowFolders(self._home, self._dags, self._plugins, database, self.port, self._parallelism)

    def _take_port(self) -> None:
        """Choose the port anew unless the one of last time is free and nobody asked for another."""
        record = self.state / "airflow-port"
        if record.exists():
            known = int(record.read_text())
            if self._wanted_port not in (None, known) or not ports.is_free(known):
                record.unlink()
        _ = self.port

    def _begin(self, *names: str) -> None:
        for name in names:
            # As in a deployment: waits and watchers need no key of a region, and get none
            env = {key: value for key, value in self.env.items() if name != "triggerer" or key not in _KEYS}
            command = [sys.executable, "-m", "airflow", *self._components[name]]
            self._services[name].start(
                command,
                env=env,
                cwd=self._home,
                # The triggerer's own way of telling its runner takes ten seconds more.
                is_told_whole=name == "triggerer",
                # LocalExecutor counts the workers that it tells to end while the first of them end already, so it may
                # wait for ever for an idle one. A task that is cut off is safe to run again.
                grace_seconds=5 if name == "scheduler" else 20,
            )

    def _wait(self, is_done: Callable[[], bool], component: str) -> None:
        wait = Wait(f"start: {component}", _STARTS_SECONDS)
        while True:
            for name, service in self._services.items():
                if service.record is not None and not service.is_running:
                    raise OverstapError("LOCAL-005", service=name, log=str(service.log))
            if is_done():
                return
            try:
                wait.go_on(ASK_SECONDS)
            except OverstapError:
                log = str(self._services[component].log)
                raise OverstapError("LOCAL-005", service=component, log=log) from None

    def _has_beaten(self, client: AirflowApi, component: str) -> bool:
        """Return whether the heartbeat is of this process; /monitor/health also tells that of an earlier boot."""
        record = self._services[component].record
        part, key = _HEARTBEATS[component]
        beat = (client.health() or {}).get(part, {}).get(key)
        return record is not None and beat is not None and datetime.fromisoformat(beat).timestamp() > record.created
