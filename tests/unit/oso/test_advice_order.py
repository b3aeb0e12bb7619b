"""DUO's order of advice: codes of the data set, values of the Doorstroomtoets API, and words."""

import pytest

from overstap.oso.advice_order import api_value_of_code, level_of_code, level_of_text, levels
from overstap.quality.tables import advice_rows


def test_every_code_of_the_list_has_one_level_and_the_order_is_duos() -> None:
    for row in advice_rows():
        assert level_of_code(row["code"]) is not None, row
    ranks = [one.rank for one in levels().values()]
    assert ranks == sorted(set(ranks))
    assert [levels()[key].rank for key in ("none", "vso", "pro", "bb", "bb_kb", "kb", "kb_gltl")] == [
        *(0, 5, 10, 15, 20, 30, 35)
    ]
    assert level_of_code("99") is None


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("vwo", "vwo"),
        ("HAVO_TM_VWO", "havo_vwo"),
        ("havo/vwo", "havo_vwo"),
        ("VMBO_KB_TM_VMBO_GL/TL_MET_LWOO", "kb_gltl"),
        ("vmbo kb/vmbo gl-tl", "kb_gltl"),
        ("vmbo-bb/kb", "bb_kb"),
        ("VMBO gemengde/theoretische leerweg - HAVO", "gltl_havo"),
        ("Praktijkonderwijs / vmbo-bb", "pro_bb"),
        ("GEEN_SPECIFIEK_ADVIES_MOGELIJK", "none"),
    ],
)
def test_a_test_advice_is_read_as_providers_write_it(text: str, key: str) -> None:
    found = level_of_text(text)
    assert found is not None
    assert found.key == key


@pytest.mark.parametrize("text", ["", "goed gedaan", "groep 8", "pro/vwo"])
def test_what_names_no_level_is_none(text: str) -> None:
    assert level_of_text(text) is None


def test_every_code_has_a_value_of_the_api_and_learning_support_the_second() -> None:
    for row in advice_rows():
        value = api_value_of_code(row["code"])
        assert value is not None, row
        assert level_of_text(value) == level_of_code(row["code"])
        with_support = row["code"] in {"21", "23", "31", "33", "35", "41", "43", "51"}
        assert value.endswith("_MET_LWOO") is with_support, row
    assert api_value_of_code("99") is None
    assert api_value_of_code("") is None
