"""A list of progress: which numbers are read, and which rows tell that leading zeros came back."""

from overstap.intake.pupil_progress import read_progress
from overstap.simulation.synthetic.numbers import bsn


def test_zeros_come_back_where_the_check_digit_agrees_and_are_told_by_line() -> None:
    numbers = (bsn(1), "12345672", "12345678", "13")
    rows = "".join(f"{number};1;havo\n" for number in numbers)
    found, refused, restored = read_progress(f"leerlingnummer;leerjaar;niveau\n{rows}".encode())
    assert [one.pupil_number for one in found] == [bsn(1), "012345672"]
    assert restored == [3]
    assert [(one.facts["line"], one.facts["column"]) for one in refused] == [
        (4, "leerlingnummer"),
        (5, "leerlingnummer"),
    ]
