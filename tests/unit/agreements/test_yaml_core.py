"""Agreements are read as YAML 1.2 means them, and an answer shows what was written. The peer is ruamel.yaml."""

from pathlib import Path

import pytest
import yaml
from agreement_files import GOOD, write
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from overstap.agreements import load_agreement
from overstap.agreements.checks import check_agreements
from overstap.agreements.source_positions import read_written
from overstap.agreements.yaml_core import CoreLoader
from overstap.errors import OverstapError


def read(text: str) -> object:
    return yaml.load(text, Loader=CoreLoader)  # noqa: S506 (a safe loader)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *((text, text) for text in ("10:30", "19:00", "1:2:3", "yes", "No", "on", "off", "y", "n", "ja", "2027-01-11")),
        *((text, text) for text in ("2027-01-11 09:00:00", "2027-01-11T09:00:00Z")),
        *((text, text) for text in ("0123", "0612345678", "1_000", "0b11")),
        ("true", True), ("False", False), ("null", None), ("~", None), ("", None),
        ("12", 12), ("-3", -3), ("0", 0), ("0o17", 15), ("0x1F", 31),
        ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5), ("-.inf", float("-inf")),
        ("'12'", "12"), ('"true"', "true"), ("!!str 12", "12"),
    ],
)  # fmt: skip
def test_a_plain_value_is_what_yaml_1_2_says(written: str, meant: object) -> None:
    found = read(f"key: {written}\n")
    assert found == {"key": meant}
    assert type(found["key"]) is type(meant)  # type: ignore[index]


@given(st.from_regex(r"\A[+.0-9a-zA-Z~][-+.0-9a-zA-Z:_~]{0,7}\Z"))
def test_ruamel_reads_the_same(text: str) -> None:
    """Where ours is not just the text as it was written, with which nothing can be lost."""
    try:
        ours = read(f"[{text}]\n")
        peer = YAML(typ="safe", pure=True).load(f"[{text}]\n")
    except (yaml.YAMLError, YAMLError):
        return
    if ours != [text]:
        assert str(ours) == str(peer)


@pytest.mark.parametrize(("hour", "code"), [("10:30", None), ("7:00", "7:00"), ("1030", "1030"), ("24:00", "24:00")])
def test_an_hour_without_quotes(tmp_path: Path, hour: str, code: str | None) -> None:
    path = write(tmp_path, f"{GOOD}\nnotices: {{quiet_from: {hour}, quiet_until: 06:00}}\n")
    [checked] = check_agreements([path])
    told = [one for one in checked.findings if one.path.startswith("notices")]
    if code is None:
        assert told == []
        assert load_agreement(path).notices.quiet_from == hour
    else:
        assert f"{code}" in told[0].message_nl
        with pytest.raises(OverstapError, match="AGREEMENT-001"):
            load_agreement(path)


@pytest.mark.parametrize("written", ["0x1F4", "1e3", "no", "2027-03-12"])
def test_what_an_answer_shows_is_what_was_written(tmp_path: Path, written: str) -> None:
    path = write(tmp_path, f"{GOOD}\nnotices: {{quiet_from: {written}}}\n")
    [checked] = check_agreements([path])
    assert any(written in one.message_nl for one in checked.findings if one.path == "notices.quiet_from")


def test_a_day_is_no_moment(tmp_path: Path) -> None:
    for text in ("2027-03-12", '"2027-03-12"'):
        source = read_written(write(tmp_path, f"moment: {text}\n"))
        assert source.data == {"moment": "2027-03-12"}


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_no_file_is_a_traceback(tmp_path_factory: pytest.TempPathFactory, content: str | bytes) -> None:
    folder = tmp_path_factory.mktemp("agreement") / "voorbeeld"
    folder.mkdir()
    path = folder / "2026-2027.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    [checked] = check_agreements([path])
    assert checked.findings
    with pytest.raises(OverstapError):
        load_agreement(path)


@given(
    st.integers(0, len(GOOD) - 1),
    st.sampled_from(["", "\t", "\0", ": ", "- ", "'", '"', "{", "]", "&a", "*a", "\ufeff", "é"]),
)
def test_no_damaged_agreement_is_a_traceback(tmp_path_factory: pytest.TempPathFactory, place: int, put: str) -> None:
    path = write(tmp_path_factory.mktemp("agreement"), GOOD[:place] + put + GOOD[place + 1 :])
    [checked] = check_agreements([path])
    try:
        load_agreement(path)
    except OverstapError:
        assert any(each.severity == "error" for each in checked.findings), "what is not used is told"


def test_core_loader_leaves_the_library_as_it_is() -> None:
    assert yaml.safe_load("a: 10:30") == {"a": 630}
