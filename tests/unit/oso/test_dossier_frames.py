import random

import pandas as pd
import pytest
from generated_dossiers import generate
from unflattening import unflatten

from overstap.oso.building import build
from overstap.oso.catalogue import PROFILES, versions
from overstap.oso.frames import NAMES, flatten
from overstap.oso.reading import read
from overstap.oso.writing import canonical

SEED = 7


def test_a_batch_comes_back_without_loss():
    chance = random.Random(SEED)
    batch = [
        (f"d{number}", generate(chance, versions()[number % 3], PROFILES[number % 6], chance.random() * 0.8))
        for number in range(40)
    ]
    frames = flatten(batch)
    assert set(frames) == set(NAMES)
    back = list(unflatten(frames))
    assert [key for key, _ in back] == [key for key, _ in batch]
    for (key, before), (_, after) in zip(batch, back, strict=True):
        assert canonical(after) == canonical(before), f"seed {SEED}, {key}"


@pytest.mark.fault("F64")
def test_a_batch_comes_back_from_a_file(tmp_path):
    """Through CSV, where leading zeros and the surname NA get lost with every default of pandas."""
    batch = [("0007", generate(random.Random(SEED), density=0.5))]
    for name, frame in flatten(batch).items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False, na_rep="\\N")
    frames = {
        name: pd.read_csv(tmp_path / f"{name}.csv", dtype="string", na_values=["\\N"], keep_default_na=False)
        for name in NAMES
    }
    ((key, after),) = unflatten(frames)
    assert key == "0007"
    assert canonical(after) == canonical(batch[0][1])


def test_an_official_example_comes_back_without_loss(example):
    dossier = read(example.read_bytes())
    ((_, after),) = unflatten(flatten([("x", dossier)]))
    assert canonical(after) == canonical(dossier)


def test_texts_stay_texts():
    pupil = {"achternaam": "NA", "bsn": "012345672", "voornaam": ["None", "Null"], "leerlingid": "0001"}
    career = [
        {"schooljaar": "2025-2026", "groepscode": "8a", "jaargroep": "8", "brincode": "99AB", "vestigingscode": "00"}
    ]
    school = {"brincode": "99AB", "vestigingscode": "00"}
    dossier = build(
        {
            "metadata": {"overstap": "POVO"},
            "overdrachtsoort": "overstapdossier",
            "huidigeschool": {**school, "leerling": {**pupil, "schoolloopbaanlijst": {"schoolloopbaan": career}}},
        }
    )
    frames = flatten([("a", dossier)])
    row = frames["pupil"].iloc[0]
    assert (row["achternaam"], row["bsn"], row["leerlingid"]) == ("NA", "012345672", "0001")
    assert frames["pupil"]["achternaam"].isna().sum() == 0
    assert frames["career"].iloc[0]["vestigingscode"] == "00"
    assert list(frames["more"]["value"]) == ["None", "Null"]
    assert frames["dossiers"].iloc[0][["version", "profile", "sender"]].tolist() == ["2019.1", "POVO", "99AB00"]
    for frame in frames.values():
        assert all(isinstance(kind, pd.StringDtype) for kind in frame.dtypes)


def test_an_empty_batch_has_its_columns():
    frames = flatten([])
    assert list(frames["support"].columns) == ["dossier", "at", "kind"]
    assert list(unflatten(frames)) == []
