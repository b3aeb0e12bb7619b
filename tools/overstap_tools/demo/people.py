"""People of the demonstration (coordinator, school staff), acting through Airflow's API, files and commands."""

import csv
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from overstap.errors import OverstapError
from overstap.simulation.synthetic.school import PrimarySchool, SchoolBehaviour
from overstap_tools.demo.building import Demonstration, overstap
from overstap_tools.demo.sandbox import REGION
from overstap_tools.local.api import ASK_SECONDS, AirflowApi
from overstap_tools.local.waiting import wait_until


@dataclass(frozen=True)
class CoordinatorClient:
    """Client of the region's coordinator, with the permissions of that account."""

    api: AirflowApi
    dag_id: str

    def switch_on(self, dag_id: str) -> None:
        """Switch a DAG on, as soon as it is there and its rights have reached the account.

        Raises:
            OverstapError: LOCAL-010 when that takes too long.
        """

        def may() -> bool:
            try:
                self.api.unpause(dag_id)
            except OverstapError as error:
                if error.facts.get("status") not in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
                    raise
                return False
            return True

        wait_until(may, f"DAG {dag_id}", 600, ASK_SECONDS)

    def question(self, run_id: str) -> dict[str, Any] | None:
        """Return the question that waits for an answer, if there is one."""
        waiting = self.api.questions(self.dag_id, run_id)
        return next((one for one in waiting if one["task_instance"]["state"] == "awaiting_input"), None)

    def answer(self, run_id: str, question: dict[str, Any]) -> str:
        """Answer a gate with its first option, which lets the round go on; return that answer."""
        asked = question["task_instance"]
        chosen = str(question["options"][0])
        self.api.answer(
            *(self.dag_id, run_id, asked["task_id"], [chosen]),
            filled_in={name: "Demonstratie" if name == "reden" else None for name in question["params"]},
            map_index=int(asked["map_index"]),
        )
        return chosen

    def rerun(self, run_id: str, map_indexes: Sequence[int]) -> int:
        """Clear some schools' collections with everything downstream; return how many tasks that is."""
        tasks = [("collect", index) for index in map_indexes]
        return self.api.clear(self.dag_id, run_id, tasks, downstream=True, note="School leverde opnieuw aan")


@dataclass(frozen=True)
class SchoolAdministrator:
    """Administrator of a primary school."""

    demonstration: Demonstration
    school: PrimarySchool

    @property
    def list_file(self) -> Path:
        """The school's list of inspections."""
        return self.demonstration.sandbox.made / "reviews" / REGION / f"review-{self.school.id}.csv"

    def supply_late(self) -> None:
        """Put the files in the drop folder that were missing at first."""
        sandbox = self.demonstration.sandbox
        for path in sorted((sandbox.made / "late" / REGION / self.school.id).iterdir()):
            shutil.move(path, sandbox.drop / REGION / self.school.id / path.name)

    def mend(self) -> int:
        """Export again what was rejected, without its faults and under the same file names; return how many files."""
        sandbox = self.demonstration.sandbox
        mended = sorted(
            (sandbox.made / "mended" / REGION / self.school.id).glob("*")
        )  # nothing where it uses a database
        for path in mended:
            shutil.copy2(path, sandbox.drop / REGION / self.school.id / path.name)
        return len(mended)

    def record_list(self, round_id: str, *, but: str | None) -> str:
        """Record the school's list, with those whom it left out, by the command; return what that said.

        Args:
            round_id: the round.
            but: school's key of a pupil who is left out still.
        """
        with self.list_file.open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.DictReader(file, delimiter=";"))
        whole = self.list_file.with_name(f"{self.list_file.stem}-whole.csv")
        lines += [lines[0] | {"leerlingid": key, "zienswijze": ""} for key in self.missing_from_list() if key != but]
        with whole.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, list(lines[0]), delimiter=";", lineterminator="\r\n")
            writer.writeheader()
            writer.writerows(lines)
        done = overstap(
            self.demonstration.sandbox,
            self.demonstration.postgres,
            "review",
            "record",
            str(whole),
            *self._who(round_id),
        )
        # Exit 1 says that some lines do not count: those of dossiers that were rejected.
        if done.returncode not in (0, 1):
            raise OverstapError("LOCAL-007", command="review record", log=done.stderr.strip())
        return done.stdout.strip().splitlines()[0]

    def record_one(self, round_id: str, las_key: str) -> bool:
        """Record one pupil's inspection with the command; return whether it counted."""
        first = self.first_line()
        words = ("--seen-on", first["inzagedatum"], "--agreed", "Ja")
        done = overstap(
            self.demonstration.sandbox,
            self.demonstration.postgres,
            "review",
            "decide",
            *self._who(round_id),
            *words,
            typed=f"{las_key}\n\n",
        )
        return done.returncode == 0

    def first_line(self) -> dict[str, str]:
        """Return the first line of the list."""
        with self.list_file.open(encoding="utf-8-sig", newline="") as file:
            return next(csv.DictReader(file, delimiter=";"))

    def missing_from_list(self) -> list[str]:
        """Return the LAS keys of the pupils that the list leaves out."""
        with self.list_file.open(encoding="utf-8-sig", newline="") as file:
            listed = {line["leerlingid"] for line in csv.DictReader(file, delimiter=";")}
        return [pupil.las_key for pupil in self.demonstration.region.pupils(self.school) if pupil.las_key not in listed]

    @property
    def is_faulty(self) -> bool:
        """Whether some of what the school supplies is rejected."""
        return self.school.behaviour is SchoolBehaviour.FAULTY

    @property
    def is_late(self) -> bool:
        """Whether the school supplies nothing at first."""
        return self.school.behaviour is SchoolBehaviour.LATE

    def _who(self, round_id: str) -> tuple[str, ...]:
        return (
            *("--region", REGION, "--round", round_id),
            *("--school", self.school.id, "--by", f"administratie {self.school.id}"),
        )
