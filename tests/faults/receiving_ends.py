"""Receiving sides of schools that collect by themselves: folder, OpenSSH, desk."""

import csv
import io
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from forked import Process, popen, run
from integration.delivery import sshd
from integration.round.deployment import RegionDeployment

from overstap.agreements import Agreement
from overstap.delivery.channels.folder import Folder
from overstap.ledger.delivery.deliveries import stages_from
from overstap.pki.ssh_keys import make_ssh_key
from overstap.simulation.synthetic.pupil import SyntheticPupil

from .desks import OVERSTAP

ReceivingEnd = tuple[Agreement, Path]
"""The agreement with a school that collects, and the folder that it sees."""


def receiving(deployment: RegionDeployment, school: str, receives: object) -> Agreement:
    """Return the agreement with a school that receives another way."""
    schools = tuple(
        one.model_copy(update={"receives": receives}) if one.id == school else one
        for one in deployment.agreement.schools
    )
    return deployment.agreement.model_copy(update={"schools": schools})


@pytest.fixture(params=["folder", "sftp"])
def receiving_end(
    request: pytest.FixtureRequest, deployment: RegionDeployment, school: str, tmp_path: Path
) -> Iterator[ReceivingEnd]:
    """A school that collects files, and the folder that it sees."""
    if request.param == "folder":
        yield (
            receiving(deployment, school, Folder(way="folder")),
            deployment.folder / "outbox" / deployment.region.name / school,
        )
        return
    server = sshd.start(tmp_path / "sshd", make_ssh_key(deployment.folder / "trust", deployment.region.name))
    yield receiving(deployment, school, server.place()), server.folder / "inbox"
    server.stop()


def open_files(
    deployment: RegionDeployment, school: str, files: list[Path], store: Path
) -> "subprocess.CompletedProcess[str]":
    command = [*OVERSTAP, "open", *map(str, files), "--school", school, "--store", str(store)]
    return run(command, env=os.environ | deployment.settings, timeout=300)


def envelopes(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.cms") if path.stem.count(".") == 0)


def own(deployment: RegionDeployment, school: str) -> list[SyntheticPupil]:
    """The pupils that a school may receive in this round."""
    sure = stages_from(deployment.round.receivers)
    return [
        pupil
        for pupil in deployment.region.pupils()
        if any(choice.school_id == school and choice.stage.value in sure for choice in pupil.choices)
    ]


def pupil_list(deployment: RegionDeployment, path: Path, pupils: list[SyntheticPupil]) -> Path:
    """Write what a school knows of its pupils, as its system exports it."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, delimiter=";")
    rows.writerow(["leerlingnummer", "achternaam", "geboortedatum", "basisschool"])
    for pupil in pupils:
        rows.writerow([pupil.number, pupil.surname, f"{pupil.birth_date:%d-%m-%Y}", pupil.school.id])
    path.write_text(text.getvalue())
    return path


def ask(deployment: RegionDeployment, school: str, address: str, pupils: Path, store: Path) -> Process:
    command = [*OVERSTAP, "receive", "ask", str(pupils), "--school", school, "--desk", address, "--store", str(store)]
    return popen(
        command, env=os.environ | deployment.settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
