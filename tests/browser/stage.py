"""One booted Airflow with two regions, their people, and their schools' files and endpoints.

The parts are a deployment's. Moments are near, so that a round runs from end to end while it is watched.
"""

import csv
import io
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import psycopg
import yaml

from overstap.agreements import Agreement, Milestones, RoundKind, load_agreement
from overstap.clock import dutch_time, now
from overstap.envelope.over_https import ENVELOPES as PATH
from overstap.ledger import Ledger
from overstap.ledger.migrate import set_app_password
from overstap.review.decisions import read_list
from overstap.review.recording import record_list
from overstap.simulation.sandbox import Sandbox
from overstap.simulation.synthetic.region import SyntheticRegion, make_region
from overstap.simulation.synthetic.school import PrimarySchool, SchoolBehaviour
from overstap.simulation.synthetic.writing import write
from overstap_tools.local import ports
from overstap_tools.local.airflow import AirflowStack
from overstap_tools.local.api import AirflowApi
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.local.services import Service, stop_all
from overstap_tools.local.waiting import wait_until, wait_until_listening
from overstap_tools.project import PROJECT

KIND = RoundKind.ADVICE
LEDGER = "ledger_stage"
ALFA, BETA = "alfa", "beta"
TITLES = {ALFA: "Regio Alfa", BETA: "Regio Bèta <b>'\"&"}
VIEWER, ADMINISTRATOR = "kijker.alfa", "beheer"
PROXY = "127.0.0.2"
"""Address of a proxy, as `build` takes it; other addresses of the loopback are strangers."""
HOSTILE = "=cmd|' /C calc'!A0 <script>alert(1)</script> \"De 🦊\" ‮مدرسة"
"""What a school may be called, as far as anybody checks: formula, markup, quotes, emoji, right-to-left."""


@dataclass
class Stage:
    """What stands."""

    folder: Path
    postgres: EmbeddedPostgres
    airflow: AirflowStack
    regions: dict[str, SyntheticRegion]
    agreements: dict[str, Agreement]
    settings: dict[str, str] = field(repr=False)

    @property
    def address(self) -> str:
        return self.airflow.address

    def coordinator(self, region: str) -> str:
        return self.agreements[region].coordinators[0].account

    def password(self, account: str) -> str:
        return self.airflow.password(account)

    def api(self, account: str) -> AirflowApi:
        return self.airflow.api(account)

    def round_id(self, region: str) -> str:
        return self.agreements[region].round_id(KIND)

    @staticmethod
    def dag_id(region: str) -> str:
        return f"round__{region}__{KIND}"

    def school(self, region: str, behaviour: SchoolBehaviour) -> PrimarySchool:
        return next(one for one in self.regions[region].primary if one.behaviour is behaviour)

    def supply_late(self, school: PrimarySchool, region: str = ALFA) -> None:
        """What the late school exports after all; its files are as old as they were, so they count at once."""
        made = self.folder / "region"
        for path in sorted((made / "late" / region / school.id).iterdir()):
            shutil.move(path, made / "drop" / region / school.id / path.name)

    def mend(self, school: PrimarySchool, region: str = ALFA) -> None:
        """What the faulty school exports anew, after mending it in its administration."""
        made = self.folder / "region"
        for path in sorted((made / "mended" / region / school.id).iterdir()):
            shutil.copy2(path, made / "drop" / region / school.id / path.name)

    def states(self, region: str) -> Counter[str]:
        with psycopg.connect(self.postgres.superuser_dsn(LEDGER)) as connection:
            return Counter(
                dict(
                    connection.execute(
                        "select state, count(*) from overstap.dossier where region = %s group by 1", [region]
                    ).fetchall()
                )
            )

    def run_id(self, region: str) -> str:
        with self.api("admin") as api:
            wait_until(lambda: bool(api.runs(self.dag_id(region))), f"run of {region}", 120)
            return str(api.runs(self.dag_id(region))[0]["dag_run_id"])


class Administrations(threading.Thread):
    """The administrations of a region's schools: each records what parents decided as soon as it can."""

    def __init__(self, stage: Stage, region: str) -> None:
        super().__init__(daemon=True)
        self.stage, self.region, self.over = stage, region, threading.Event()
        self.problem: BaseException | None = None

    def run(self) -> None:
        stage = self.stage
        ledger = Ledger(stage.settings["OVERSTAP_LEDGER"], Path(stage.settings["OVERSTAP_KEYS"]))
        try:
            while not self.over.wait(1):
                with psycopg.connect(stage.postgres.superuser_dsn(LEDGER)) as connection:
                    waiting = {
                        school
                        for (school,) in connection.execute(
                            "select distinct primary_school from overstap.dossier "
                            "where state = 'in_review' and region = %s",
                            [self.region],
                        )
                    }
                for school in waiting:
                    record_list(
                        ledger,
                        region=self.region,
                        round_id=stage.round_id(self.region),
                        school=school,
                        actor=f"administratie {school}",
                        listed=read_list(self._list(school), today=dutch_time(now()).date()),
                        ground="school_list",
                    )
        except BaseException as problem:
            self.problem = problem
            raise
        finally:
            ledger.close()

    def _list(self, school: str) -> bytes:
        """Everybody has seen it: what is in the school's own list, and who the list leaves out."""
        path = self.stage.folder / "region" / "reviews" / self.region / f"review-{school}.csv"
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.DictReader(file, delimiter=";"))
        primary = next(one for one in self.stage.regions[self.region].primary if one.id == school)
        known = {line["leerlingid"] for line in lines}
        for pupil in self.stage.regions[self.region].pupils(primary):
            if pupil.las_key not in known:
                lines.append(lines[0] | {"leerlingid": pupil.las_key})
        out = io.StringIO()
        writer = csv.DictWriter(out, list(lines[0]), delimiter=";", lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(lines)  # what a family says may hold a semicolon
        return out.getvalue().encode()


@contextmanager
def build(
    folder: Path,
    postgres: EmbeddedPostgres,
    names: Collection[str] = (ALFA, BETA),
    *,
    proxy: str | None = None,
) -> Iterator[Stage]:
    """Build it and start it; everything is ended and removed at the end, however that comes.

    Args:
        folder: an empty folder below the test run's own, which ends what is left of a killed run.
        postgres: a running server.
        names: which regions.
        proxy: address of a proxy that Airflow believes about where a visitor comes from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stage = None
    try:
        stage = _build(folder, postgres, names, proxy)
        yield stage
    finally:
        stop_all(folder)
        if stage is not None:
            stage.airflow.destroy()
        postgres.drop_database(LEDGER)


def _build(folder: Path, postgres: EmbeddedPostgres, names: Collection[str], proxy: str | None) -> Stage:
    today = dutch_time(now()).date()
    regions = {
        ALFA: make_region(16, 24, 4, 2, today=today, name=ALFA, title=TITLES[ALFA], littered=0, database=0),
        BETA: make_region(
            8, 8, 2, 1, today=today, name=BETA, title=TITLES[BETA], late=0, faulty=0, littered=0, database=0,
            first_position=500,
        ),
    }  # fmt: skip
    regions = {name: regions[name] for name in names}
    postgres.create_database(LEDGER, "postgres")
    owner = postgres.superuser_dsn(LEDGER)
    sandbox = Sandbox(folder, owner, postgres.dsn("overstap_app", LEDGER))
    sandbox.prepare(*regions)
    # The login is the server's, so all that use it have to mean the same password.
    set_app_password(owner, postgres.password("overstap_app"))
    settings = sandbox.variables | {"OVERSTAP_ADMINISTRATORS": ADMINISTRATOR}
    schools = {one.id for region in regions.values() for some in (region.primary, region.secondary) for one in some}
    sandbox.certify(regions, sorted(schools), at=now())
    opens = dutch_time(now()).replace(microsecond=0) - timedelta(hours=1)
    moments = dict.fromkeys(Milestones.model_fields, opens) | {"receipts_due": opens + timedelta(days=1)}
    # Both regions have schools of the same ids: the worst case for keeping them apart.
    receivers = {
        school: _receiver(folder, settings, school)
        for school in sorted({one.id for region in regions.values() for one in region.secondary})
    }
    agreements = {}
    for name, region in regions.items():
        written = write(
            region,
            folder / "region",
            {KIND: Milestones(**moments)},
            receives_at=receivers.__getitem__,
            review_minimum=timedelta(minutes=20),  # the wait ends as soon as everybody was heard
        )
        _rename(written.agreement, region)
        agreements[name] = load_agreement(written.agreement)
        drop = folder / "region" / "drop" / name
        shutil.copy(written.applications, drop / str(agreements[name].registrations.file))
    airflow = AirflowStack(
        folder / "airflow",
        postgres,
        PROJECT / "dags",
        PROJECT / "plugins",
        port=ports.any_free(),
        # Nobody waits for a page of Airflow to look again; every three seconds, each open page takes half a processor.
        extra_env=settings | {"AIRFLOW__API__AUTO_REFRESH_INTERVAL": "60"},
        parallelism=4,
        proxy=proxy,
    )
    airflow.migrate()
    stage = Stage(folder, postgres, airflow, regions, agreements, settings)
    airflow.start(before_dags=lambda api: _give_access(stage, api))
    return stage


def _give_access(stage: Stage, api: AirflowApi) -> None:
    stage.airflow.sync_access()
    accounts = {ADMINISTRATOR: "overstap_administrator"}
    accounts |= {VIEWER: f"viewer_{ALFA}"} if ALFA in stage.regions else {}
    accounts |= {stage.coordinator(region): f"coordinator_{region}" for region in stage.regions}
    for account, role in accounts.items():
        api.put_user(account, stage.password(account), [role], shown_as=(account, "Test"))


def _rename(path: Path, region: SyntheticRegion) -> None:
    """Give one school a hostile name, and the first region a viewer."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    if region.name == ALFA:
        first = next(one for one in region.primary if one.behaviour is SchoolBehaviour.ON_TIME)
        next(one for one in content["schools"] if one["id"] == first.id)["name"] = HOSTILE
        content["viewers"] = [{"account": VIEWER, "name": "Kijker Alfa", "email": "kijker@alfa.invalid"}]
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _receiver(folder: Path, settings: dict[str, str], school: str) -> str:
    """Start a secondary school's endpoint as a process of its own; return its address."""
    port = ports.any_free()
    service = Service(folder, f"school-{school}")
    command = [sys.executable, "-m", "overstap", "receive", "serve", "--school", school, "--port", str(port)]
    command += ["--store", str(folder / "received" / school), "--trust", settings["OVERSTAP_TRUST"]]
    service.start(command, env={**_environment(), **settings})
    wait_until_listening(service, port)
    return f"https://{ports.LOOPBACK}:{port}{PATH}"


def _environment() -> dict[str, str]:
    import os

    return dict(os.environ)


if __name__ == "__main__":
    # To look around by hand: python -m tests.browser.stage FOLDER
    place = Path(sys.argv[1])
    server = EmbeddedPostgres(place / "postgres", is_durable=False, in_memory=True)
    server.start()
    try:
        with build(place / "stage", server) as stands:
            print(
                stands.address, *((one, stands.password(one)) for one in ("admin", VIEWER, ADMINISTRATOR)), flush=True
            )
            print(*((stands.coordinator(one), stands.password(stands.coordinator(one))) for one in TITLES), flush=True)
            while not (place / "end").exists():
                time.sleep(1)
    finally:
        server.destroy()
