"""Tests of a restored backup (F29) while receivers know more than the ledger: nothing delivered twice, nothing lost.

A real backup (`pg_dump`) of the ledger's database, restored into a new one, at each point where it hurts.
"""

import secrets
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from integration.round.deployment import RegionDeployment

from overstap.ledger import Ledger
from overstap.receiver.folder_store import FolderStore

from .desks import desk
from .receiving_ends import ask, own, pupil_list
from .steps import seal, send


def backup(deployment: RegionDeployment, file: Path) -> Path:
    """Back a ledger up, as `pg_dump` does for an administrator."""
    program = deployment.server.program("pg_dump")
    subprocess.run([program, "--format=custom", f"--file={file}", deployment.owner_dsn], check=True)
    return file


def restored(deployment: RegionDeployment, file: Path) -> RegionDeployment:
    """Put a backup into a new database, and let the deployment go on with it."""
    name = f"ledger_{secrets.token_hex(6)}"
    admin = deployment.server.superuser_dsn("postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    again = replace(deployment, database=name)
    program = deployment.server.program("pg_restore")
    subprocess.run([program, "--exit-on-error", f"--dbname={again.owner_dsn}", str(file)], check=True)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"grant connect on database {name} to overstap_app")
    return again


def send_all(deployment: RegionDeployment, ledger: Ledger) -> dict[str, int]:
    done: dict[str, int] = {}
    for school in deployment.region.secondary:
        found = send(deployment, school.id, ledger)
        done = {name: done.get(name, 0) + found[name] for name in {*done, *found}}
    return done


@pytest.mark.fault("F29")
@pytest.mark.parametrize("point", ["inspected", "sealed"])
def test_the_ledger_is_older_than_the_receivers(
    at_brink: Callable[[str], RegionDeployment], tmp_path: Path, point: str
) -> None:
    deployment = at_brink(point)
    file = backup(deployment, tmp_path / "yesterday")
    deployment.receive_all()
    with deployment.ledger() as ledger:
        seal(deployment, ledger)
        first = send_all(deployment, ledger)
    delivered = {
        row[0] for row in deployment.rows("select message_id from overstap.delivery where state = 'confirmed'")
    }
    stored = deployment.stored()
    assert first["accepted"] == len(delivered) == sum(stored.values()) > 0

    again = restored(deployment, file)
    assert again.count("delivery", state="confirmed") == 0, "our ledger knows of no delivery any more"
    try:
        with again.ledger() as ledger:
            seal(again, ledger)
            assert send_all(again, ledger) == {"accepted": len(delivered)}
        assert again.stored() == stored, "nothing was stored twice"
        assert {row[0] for row in again.rows("select message_id from overstap.delivery")} == delivered
        assert again.states() == deployment.states()
        assert again.breaches() == []
    finally:
        with psycopg.connect(deployment.server.superuser_dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"drop database {again.database} with (force)")


@pytest.mark.fault("F29")
def test_what_the_parents_said_since_is_not_taken_for_the_same(
    at_brink: Callable[[str], RegionDeployment], tmp_path: Path
) -> None:
    """The same pupil and version, but the school has another answer of the parents: a person decides."""
    deployment = at_brink("inspected")
    file = backup(deployment, tmp_path / "yesterday")
    school = deployment.region.secondary[0].id
    deployment.receive_all()
    with deployment.ledger() as ledger:
        seal(deployment, ledger)
        send_all(deployment, ledger)
    stored = deployment.stored()
    again = restored(deployment, file)
    try:
        with psycopg.connect(again.owner_dsn) as connection:  # they answered on another day, this time
            connection.execute("update overstap.review_decision set seen_on = seen_on - 1")
        with again.ledger() as ledger:
            seal(again, ledger)
            assert set(send_all(again, ledger)) == {"refused"}
        assert again.stored() == stored
        assert again.count("delivery", state="refused", problem="message_conflict", secondary_school=school) > 0
        assert again.count("delivery", state="confirmed") == 0
        assert list((deployment.store(school) / "alarms").iterdir())
    finally:
        with psycopg.connect(deployment.server.superuser_dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"drop database {again.database} with (force)")


@pytest.mark.fault("F29")
def test_a_school_that_collects_refuses_what_it_has(
    at_brink: Callable[[str], RegionDeployment], tmp_path: Path
) -> None:
    """Sealed anew it is another envelope under the same id: stored once, refused by the school, and told as refused."""
    deployment = at_brink("inspected")
    file = backup(deployment, tmp_path / "yesterday")
    school, store = deployment.region.secondary[0].id, tmp_path / "store"
    listed = pupil_list(deployment, tmp_path / "pupils.csv", own(deployment, school)[:3])
    with deployment.ledger() as ledger:
        seal(deployment, ledger)
    with desk(deployment) as (address, _):
        ask(deployment, school, address, listed, store).communicate()
    stored = {message.message_id for message in FolderStore(store).stored()}
    assert len(stored) == 3

    again = restored(deployment, file)
    try:
        with again.ledger() as ledger:
            seal(again, ledger)
        with desk(again) as (address, _):
            said = ask(again, school, address, listed, store).communicate()[0]
        assert "3 x geweigerd: dit bericht is er al met een andere inhoud" in said
        assert {message.message_id for message in FolderStore(store).stored()} == stored, "nothing was stored twice"
        refused = again.rows("select message_id from overstap.delivery where state = 'refused'")
        assert {message for (message,) in refused} == stored
    finally:
        with psycopg.connect(deployment.server.superuser_dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"drop database {again.database} with (force)")
