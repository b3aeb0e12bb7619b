import zlib
from pathlib import Path

import pytest

from overstap.errors import OverstapError
from overstap.ledger.region_keys import EncryptedContent, create_keys, load_keys

SECRET = b"Achternaam zonder weerga" * 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_keys(tmp_path, "alfa", "2026-11")
    create_keys(tmp_path, "beta", "2026-11")
    return tmp_path


def test_what_is_encrypted_comes_back_and_does_not_show(folder: Path) -> None:
    keys = load_keys(folder, "alfa")
    sealed = keys.encrypt(SECRET, "dossier/1")
    assert keys.decrypt(sealed, "dossier/1") == SECRET
    assert SECRET[:8] not in sealed.data
    assert zlib.compress(SECRET, 1) not in sealed.data
    assert keys.encrypt(SECRET, "dossier/1").data != sealed.data


def test_bytes_cannot_be_moved_changed_or_read_by_another_region(folder: Path) -> None:
    keys = load_keys(folder, "alfa")
    sealed = keys.encrypt(SECRET, "dossier/1")
    for place in (0, 12, len(sealed.data) - 1):
        changed = bytearray(sealed.data)
        changed[place] ^= 1
        with pytest.raises(OverstapError, match="LEDGER-003"):
            keys.decrypt(EncryptedContent(sealed.key_id, bytes(changed)), "dossier/1")
    with pytest.raises(OverstapError, match="LEDGER-003"):
        keys.decrypt(sealed, "dossier/2")
    with pytest.raises(OverstapError, match="LEDGER-003"):
        load_keys(folder, "beta").decrypt(sealed, "dossier/1")


def test_a_region_is_bound_into_the_bytes_even_under_the_same_key(folder: Path) -> None:
    sealed = load_keys(folder, "alfa").encrypt(SECRET, "dossier/1")
    stolen = folder / "beta" / "2026-11.key"
    stolen.write_bytes((folder / "alfa" / "2026-11.key").read_bytes())
    with pytest.raises(OverstapError, match="LEDGER-003"):
        load_keys(folder, "beta").decrypt(sealed, "dossier/1")


def test_the_newest_key_encrypts_and_all_decrypt(folder: Path) -> None:
    old = load_keys(folder, "alfa").encrypt(SECRET, "x")
    create_keys(folder, "alfa", "2027-01")
    keys = load_keys(folder, "alfa")
    assert keys.encrypt(SECRET, "x").key_id == "2027-01"
    assert keys.decrypt(old, "x") == SECRET
    (folder / "alfa" / "2026-11.key").unlink()
    with pytest.raises(OverstapError, match=r"LEDGER-002.*2026-11"):
        load_keys(folder, "alfa").decrypt(old, "x")


def test_look_up_is_by_key_kind_and_value(folder: Path) -> None:
    alfa, beta = load_keys(folder, "alfa"), load_keys(folder, "beta")
    found = alfa.lookup("pupil", "999990019")
    assert found == alfa.lookup("pupil", "999990019")
    assert len(found) == 32
    others = {alfa.lookup("pupil", "999990020"), alfa.lookup("las_key", "999990019"), beta.lookup("pupil", "999990019")}
    assert len(others | {found}) == 4
    create_keys(folder, "alfa", "2027-01")
    assert load_keys(folder, "alfa").lookup("pupil", "999990019") == found  # rotation leaves hashes as they are


def test_files_are_for_their_owner_and_are_never_overwritten(folder: Path) -> None:
    path = folder / "alfa" / "2026-11.key"
    before = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    with pytest.raises(OverstapError, match="LEDGER-004"):
        create_keys(folder, "alfa", "2026-11")
    assert path.read_bytes() == before
    path.chmod(0o640)
    with pytest.raises(OverstapError, match="LEDGER-005"):
        load_keys(folder, "alfa")
    path.chmod(0o600)
    path.write_bytes(before[:-1])
    with pytest.raises(OverstapError, match="LEDGER-005"):
        load_keys(folder, "alfa")


@pytest.mark.parametrize("gone", ["lookup", "2026-11.key"])
def test_a_region_without_keys_is_told(folder: Path, gone: str) -> None:
    (folder / "alfa" / gone).unlink()
    with pytest.raises(OverstapError, match="LEDGER-001"):
        load_keys(folder, "alfa")


def test_keys_do_not_show_when_printed(folder: Path) -> None:
    keys = load_keys(folder, "alfa")
    raw = (folder / "alfa" / "lookup").read_bytes()
    assert repr(raw)[2:-1] not in repr(keys)
    assert "AESGCM" not in repr(keys)
