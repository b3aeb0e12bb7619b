"""Tests of a region with an unreadable agreement: it is reported, other regions and its opened rounds keep running."""

import secrets
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from overstap.agreements import Agreement, RoundKind, load_agreement
from overstap.ledger import Ledger
from overstap.ledger.region_keys import create_keys
from overstap.ledger.rounds import rounds
from overstap_tools.local.postgres import EmbeddedPostgres

DAMAGE = {
    "no YAML": lambda text: text.replace("\nregion:", "\nregion: [", 1),
    "unknown key": lambda text: text + "\nholidays: yes\n",
    "out of order": lambda text: text.replace("delivers: '2027-02-02", "delivers: '2027-01-01"),
    "empty": lambda text: "",
    "not text": None,
}


YEAR = "2026-2027"


def damaged(damage: str, regions: Path, folder: Path) -> Path:
    """Copy the agreements into a folder and break that of beta."""
    shutil.copytree(regions, folder)
    path = folder / "beta" / f"{YEAR}.yaml"
    change = DAMAGE[damage]
    text = path.read_text(encoding="utf-8")
    if change is None:
        path.write_bytes(b"\xff\xfe\x00region")
    else:
        assert change(text) != text
        path.write_text(change(text), encoding="utf-8")
    return folder


def regions_of(bag: Any) -> set[str]:
    """Return the regions that have DAGs."""
    return {dag_id.split("__")[1] for dag_id in bag.dags}


@pytest.fixture
def ledger_dsn(postgres: EmbeddedPostgres, ledger_template: str) -> Iterator[str]:
    """A ledger with the regions and no round in it."""
    name = f"broken_{secrets.token_hex(6)}"
    admin = postgres.superuser_dsn("postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"create database {name} template {ledger_template}")
    yield postgres.dsn("overstap_app", name)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


def open_in_ledger(dsn: str, agreement: Agreement, kind: RoundKind, keys: Path) -> None:
    """Open a round, as the task does."""
    create_keys(keys, agreement.region, "1")
    ledger = Ledger(dsn, keys)
    with ledger.unit(agreement.region, "open_round") as unit:
        assert rounds.open_round(unit, agreement, kind)
    ledger.close()


@pytest.mark.parametrize("damage", DAMAGE)
def test_rounds_that_were_opened_go_on_by_the_version_that_they_run_under(
    damage: str, regions: Path, read_dags: Any, tmp_path: Path, ledger_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = load_agreement(regions / "beta" / f"{YEAR}.yaml")
    school = good.schools[0].model_copy(update={"name": "De Naam van het Grootboek"})
    held = good.model_copy(update={"schools": (school, *good.schools[1:])})
    open_in_ledger(ledger_dsn, held, next(iter(good.rounds)), tmp_path / "keys")
    whole = read_dags(regions)
    monkeypatch.setenv("OVERSTAP_LEDGER", ledger_dsn)
    bag = read_dags(damaged(damage, regions, tmp_path / "regions"))
    assert set(bag.dags) == set(whole.dags)
    [(file, _)] = bag.import_errors.items()
    assert Path(file).name == "broken_agreements.py"
    assert agreed_for(tmp_path / "regions")["beta"] == held


@pytest.mark.fault("F36")
def test_a_broken_year_is_not_followed_by_the_next_one_while_its_rounds_run(
    regions: Path, read_dags: Any, tmp_path: Path, ledger_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = load_agreement(regions / "beta" / f"{YEAR}.yaml")
    open_in_ledger(ledger_dsn, good, next(iter(good.rounds)), tmp_path / "keys")
    monkeypatch.setenv("OVERSTAP_LEDGER", ledger_dsn)
    folder = damaged("no YAML", regions, tmp_path / "regions")
    text = (regions / "beta" / f"{YEAR}.yaml").read_text(encoding="utf-8")
    text = text.replace("2027", "2028").replace("2026", "2027")
    (folder / "beta" / "2027-2028.yaml").write_text(text, encoding="utf-8")
    read_dags(folder)
    assert agreed_for(folder)["beta"].school_year == YEAR


def agreed_for(folder: Path) -> dict[str, Agreement]:
    """Return what DAGs are made of, by region."""
    from overstap.orchestration.schedule import agreed_now  # Airflow: only after AIRFLOW_HOME is set

    assert folder.is_dir()
    return {agreement.region: agreement for agreement in agreed_now()}


def test_a_file_that_is_gone_is_gone(
    regions: Path, read_dags: Any, tmp_path: Path, ledger_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To take a file away is how a region leaves; what cannot be read is another matter."""
    good = load_agreement(regions / "beta" / f"{YEAR}.yaml")
    open_in_ledger(ledger_dsn, good, next(iter(good.rounds)), tmp_path / "keys")
    monkeypatch.setenv("OVERSTAP_LEDGER", ledger_dsn)
    folder = tmp_path / "regions"
    shutil.copytree(regions, folder)
    (folder / "beta" / f"{YEAR}.yaml").unlink()
    assert regions_of(read_dags(folder)) == {"alfa"}


@pytest.mark.parametrize("ledger", ["no round", "not there", "hangs"])
def test_a_ledger_that_has_no_answer_takes_no_other_region_down(
    ledger: str, regions: Path, read_dags: Any, tmp_path: Path, ledger_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        nowhere = {"not there": "host=127.0.0.1 port=1 dbname=x user=y", "hangs": f"host=127.0.0.1 port={port} user=y"}
        monkeypatch.setenv("OVERSTAP_LEDGER", nowhere.get(ledger, ledger_dsn))
        bag = read_dags(damaged("empty", regions, tmp_path / "regions"))
    assert regions_of(bag) == {"alfa"}
    assert [Path(file).name for file in bag.import_errors] == ["broken_agreements.py"]


@pytest.mark.parametrize("damage", DAMAGE)
def test_other_regions_run_on(damage: str, regions: Path, read_dags: Any, tmp_path: Path) -> None:
    bag = read_dags(damaged(damage, regions, tmp_path / "regions"))
    assert regions_of(bag) == {"alfa"}
    [(file, problem)] = bag.import_errors.items()
    assert Path(file).name == "broken_agreements.py"
    assert "AGREEMENT-" in problem
    assert "2026-2027.yaml" in problem
