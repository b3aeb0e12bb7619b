"""Which phone numbers and e-mail addresses can be used, and which heights a test advice in words has."""

import pytest

from overstap.quality.advice import rank_of_text
from overstap.quality.contacts import is_e_mail, is_phone


@pytest.mark.parametrize("text", ["0201234567", "06-1234 5678", "(020) 123.45.67", "+32 2 123 45 67", "0031612345678"])
def test_a_number_that_can_be_called(text: str) -> None:
    assert is_phone(text)


@pytest.mark.parametrize("text", ["", "061234567", "06123456789", "1234567890", "00123456", "bel mij", "9" * 10_000])
def test_a_number_that_cannot(text: str) -> None:
    assert not is_phone(text)


@pytest.mark.parametrize(
    "text", ["a@b.nl", "jan.de-vries+oso@school.amsterdam.nl", f"{'a' * 64}@{'b' * 63}.{'c' * 63}.nl"]
)
def test_an_address_that_can_be_written_to(text: str) -> None:
    assert is_e_mail(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "a@b", "a@.nl", "Jan <a@b.nl>", "a b@c.nl", f"{'a' * 65}@b.nl", f"a@{'b' * 300}.nl"),
        *("a..b@c.nl", ".a@b.nl", "a.@b.nl", "a@10.0.0.1", "a@b.123", f"a@{'b' * 64}.nl", "a@b.nl\n", "a@-b.nl"),
        f"{'a' * 64}@{'.'.join(['b' * 60] * 4)}.nl",
        *(
            "a@b.n",
            "a@b.nl c@d.nl",
            "a@b,nl",
            "a@@b.nl",
            "a@b.nl (moeder)",
            "a@b.nl\u200b",
            "\u00a0a@b.nl",
            "a@münchen.nl",
        ),
        *("zoë@b.nl", "a@b_c.nl", "a@b.nl.", "a@[10.0.0.1]", '"a b"@c.nl', "a@b.nl?subject=x", "n.v.t."),
    ],
)
def test_an_address_that_cannot(text: str) -> None:
    assert not is_e_mail(text)


@pytest.mark.parametrize(("advice", "rank"), [
    ("vmbo kb/vmbo gl-tl", 4.5), ("VWO", 11), ("havo/vwo", 10), ("vmbo-tl/havo", 7.5), ("vmbo basis/kader", 2),
    ("praktijkonderwijs", 0), ("Vmbo gemengde of theoretische leerweg", 6), ("pro/vmbo bb", 0.5),
    ("zie bijlage", None), ("", None), ("vmbo", None),
])  # fmt: skip
def test_a_test_advice_in_words_has_a_height(advice: str, rank: float | None) -> None:
    assert rank_of_text(advice) == rank
