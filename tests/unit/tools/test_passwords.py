import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from overstap_tools.local.passwords import Passwords


def test_a_secret_stays_the_same_and_differs_by_name(tmp_path: Path) -> None:
    first = Passwords(tmp_path).get("a")
    assert Passwords(tmp_path).get("a") == first
    assert Passwords(tmp_path).get("b") != first
    assert len(first) == 64


def test_only_the_owner_may_read_them(tmp_path: Path) -> None:
    Passwords(tmp_path / "state").get("a")
    assert (tmp_path / "state" / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_two_that_ask_at_once_get_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda number: Passwords(tmp_path).get(f"n{number % 4}"), range(64)))
    assert len(set(found)) == 4
    assert [Passwords(tmp_path).get(f"n{number}") for number in range(4)] == found[:4]


def test_a_fernet_key_is_one(tmp_path: Path) -> None:
    key = Passwords(tmp_path).fernet_key("k")
    assert len(base64.urlsafe_b64decode(key)) == 32
