"""Tests of addresses and numbers of people as they stand in links of the board."""

import pytest

from overstap.pages.board.render import mail_address, telephone


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("administratie.99aa00@example.org", "administratie.99aa00@example.org"),
        ("a+b@example.org", "a+b@example.org"),
        ("a?subject=x&b@example.org", "a%3Fsubject%3Dx%26b@example.org"),
        ('a"><b@example.org', "a%22%3E%3Cb@example.org"),
    ],
)
def test_an_address_stays_an_address_in_a_link(address: str, said: str) -> None:
    """RFC 6068: the sign between name and domain stands as it is."""
    assert mail_address(address) == said


def test_a_number_of_another_country_can_be_dialled() -> None:
    assert telephone("+31 (0)70 123 45 67") == "+31(0)701234567"
    assert telephone('070 1"><b') == "0701%22%3E%3Cb"
