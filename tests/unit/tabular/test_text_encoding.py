import pytest

from overstap.tabular import decoded

TEXT = "leerlingid;inzagedatum\r\nLN-1;2027-01-12;Zoë’s moeder\r\n"


@pytest.mark.fault("F62")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_a_table_is_read_however_a_spreadsheet_wrote_it(encoding: str) -> None:
    assert decoded(TEXT.encode(encoding)) == TEXT


def test_what_is_no_character_is_marked_and_the_rest_is_kept() -> None:
    assert decoded(b"a\x81b") == "a\ufffdb"
    assert decoded(b"\xff\xfea\x00\x00\xd8") == "a\ufffd"
    assert decoded(b"") == ""
