"""Initials as other systems want them: letters alone."""

import pytest

from overstap.oso.initials import initials_of


@pytest.mark.parametrize(
    ("stated", "names", "expected"),
    [
        ("L.J.", "", "LJ"),
        ("l. j.", "Anna", "LJ"),
        ("", "Lotte Johanna", "LJ"),
        ("", "  élise ", "É"),
        ("..", "Bo", "B"),
        ("", "", ""),
        ("", "'t", ""),
    ],
)
def test_initials_are_as_stated_or_of_all_names(stated: str, names: str, expected: str) -> None:
    assert initials_of(stated, names) == expected
