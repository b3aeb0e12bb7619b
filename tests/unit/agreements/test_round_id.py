"""A round's id is text and knows its parts."""

import json
import pickle

import pytest

from overstap.agreements import RoundId, RoundKind
from overstap.errors import OverstapError


def test_it_knows_its_parts_and_is_text() -> None:
    found = RoundId("regio_alfa.2026-2027.pre_registration")
    assert (found.region, found.school_year, found.kind) == ("regio_alfa", "2026-2027", RoundKind.PRE_REGISTRATION)
    assert found == "regio_alfa.2026-2027.pre_registration"
    assert RoundId.of("regio_alfa", "2026-2027", RoundKind.PRE_REGISTRATION) == found
    assert json.dumps(found) == f'"{found}"'
    again = pickle.loads(pickle.dumps(found))  # noqa: S301 (our own)
    assert (again, again.kind) == (found, found.kind)


@pytest.mark.parametrize(
    "text",
    [
        *("", "alfa", "alfa.advice", "alfa.2026-2027", "alfa.2026-2027.advice.more", "alfa.2026.advice"),
        *("alfa.2026-2027.other", "Alfa.2026-2027.advice", "../x.2026-2027.advice", "alfa.2026-2027.advice\n"),
        *("alfa.2026-2027.advice; drop table round", "alfa.2026–2027.advice", "alfa.٢٠٢٦-2027.advice"),
    ],
)
def test_what_is_no_round_is_an_error_that_repeats_nothing_harmful(text: str) -> None:
    with pytest.raises(OverstapError, match="AGREEMENT-023") as told:
        RoundId(text)
    assert not {";", "/", "\n", " "} & set(str(told.value.facts["round"]))
