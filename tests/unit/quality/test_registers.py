"""DUO's lists, as they come: their columns under old and new names, in any encoding they were ever published in."""

from pathlib import Path

import pytest

from overstap.errors import OverstapError
from overstap.quality.registers import NONE, load


def test_without_a_folder_there_are_no_registers() -> None:
    assert load(None) is NONE


def test_lists_are_read_by_their_columns(tmp_path: Path) -> None:
    (tmp_path / "bo.csv").write_bytes(
        "PROVINCIE;BEVOEGD GEZAG NUMMER;BRIN NUMMER;VESTIGINGSNUMMER;VESTIGINGSNAAM\r\n"
        "Fryslân;99001;99AB;99AB00;Dé School\r\nFryslân;99001; 99ab ;99AB01;\r\n".encode("latin-1")
    )
    (tmp_path / "vo.csv").write_text(
        '\ufeffInstellingscode,Vestigingscode,"Naam, lang"\n98XA,98XA00,"Col, lege"\n,,\n', encoding="utf-8"
    )
    (tmp_path / "swv.csv").write_text(
        "ADMINISTRATIENUMMER;NAAM\nPO9901;Waterland\n99001;een bestuur\n", encoding="utf-8"
    )
    found = load(tmp_path)
    assert found.institutions == {"99AB", "98XA"}
    assert found.branches == {"99AB00", "99AB01", "98XA00"}
    assert found.partnerships == {"PO9901"}


@pytest.mark.parametrize("text", ["", "naam;plaats\nDe School;Ons Dorp\n", "BRIN NUMMER\nniet bekend\n", "\x00\x01"])
def test_a_list_without_numbers_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "good.csv").write_text("INSTELLINGSCODE\n99AB\n", encoding="utf-8")
    (tmp_path / "other.csv").write_text(text, encoding="utf-8")
    with pytest.raises(OverstapError, match=r"QUALITY-002.*other\.csv"):
        load(tmp_path)


def test_a_folder_without_lists_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OverstapError, match="QUALITY-002"):
        load(tmp_path)
    with pytest.raises(OverstapError, match="QUALITY-002"):
        load(tmp_path / "absent")
