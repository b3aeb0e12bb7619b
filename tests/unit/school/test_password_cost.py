"""Test of what a school's password costs in production, in a process that no fixture of the tests has changed."""

from pathlib import Path

from forked import run

HASHES = """
from overstap.pages.school.passwords import _NOBODY, hash_password

print(hash_password("vier woorden op papier"), _NOBODY)
"""


def test_a_password_costs_64_mib_of_scrypt_and_an_unknown_account_as_much(tmp_path: Path) -> None:
    script = tmp_path / "hashes.py"
    script.write_text(HASHES)
    hashed, of_nobody = run([script], check=True).stdout.split()
    assert hashed.split("$")[:4] == of_nobody.split("$")[:4] == ["scrypt", "65536", "8", "1"]
