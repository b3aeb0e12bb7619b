"""Agreements are read as YAML 1.2 means them, and an answer shows what was written. The peer is ruamel.yaml."""

import re
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
from overstap.agreements.source_positions import read_source
from overstap.agreements.yaml_core import CoreLoader, TooManyValuesError, refuse_deep_yaml
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
        ("'12'", "12"), ('"true"', "true"), ("!!str 12", "12"), ("!!int 12", 12),
        ("12e3", 12000.0), ("1_0e3", "1_0e3"), ("+.5", 0.5), (".inf", float("inf")),
        ("!!bool true", True), ("=", "="), ("<", "<"),
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
    except ValueError:  # the peer takes "._" for a number, and cannot make one of it
        assert ours == [text]
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
        source = read_source(write(tmp_path, f"moment: {text}\n"))
        assert source.data == {"moment": "2027-03-12"}


REFERENCES = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
ODD = {
    "references that stand for a thousand million values": (REFERENCES, "groter dan afspraken ooit zijn"),
    "a list within itself": ("a: &a [*a]\n", "waar die verwijzing zelf in staat"),
    "a block within itself": ("a: &a {b: *a}\n", "waar die verwijzing zelf in staat"),
    "three thousand deep": (f"a: {'[' * 3_000}{']' * 3_000}\n", "te diep in elkaar"),
    "a number of five thousand digits": (f"a: {'1' * 5_000}\n", "niet de vorm"),
    "text called a number": ("a: !!int abc\n", "niet de vorm"),
    "nothing called a number": ('a: !!float ""\n', "niet de vorm"),
    "base sixty called a number": ("a: !!int 10:30\n", "niet de vorm"),
    "a word called true or false": ("a: !!bool ja\n", "niet de vorm"),
    "a moment of YAML 1.1": ("a: !!timestamp x\n", "uitroepteken"),
    "a day that does not exist": ("a: !!timestamp 2027-99-11\n", "uitroepteken"),
    "a set of YAML 1.1": ("a: !!set {b}\n", "uitroepteken"),
    "a thing of Python": ("a: !!python/object/apply:os.system [x]\n", "uitroepteken"),
    "a list as key": ("? [a]\n: b\n", "een sleutel is hier een lijst"),
    "merging with no block": ("a: {<<: 5}\n", "achter <<"),
    "a NUL": ("a: \0\n", "in geen tekst"),
    "a key twice": ("a: {b: 1, b: 2}\n", "staat twee keer"),
    "two documents": ("---\na: b\n", "meer dan één document"),
    "a tab before a key": ("a:\n\tb: c\n", "tab"),
    "a number as key": ("1: x\n", "De sleutel 1 bestaat"),
    "nothing as key": ("~: x\n", "De sleutel ~ bestaat"),
    "no as key": ("no: x\n", "De sleutel no bestaat"),
}


@pytest.mark.parametrize("what", ODD)
def test_what_an_agreement_cannot_hold_is_told_in_words(tmp_path: Path, what: str) -> None:
    written, said = ODD[what]
    path = write(tmp_path, f"{GOOD}\n{written}")
    [checked] = check_agreements([path])
    assert any(said in one.message_nl for one in checked.findings if one.severity == "error")
    with pytest.raises(OverstapError, match="AGREEMENT-001"):
        load_agreement(path)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_every_encoding_and_line_end_of_yaml(tmp_path: Path, encoding: str, ending: str) -> None:
    """YAML 1.2.2, section 5.2: Notepad's "Unicode" is UTF-16."""
    path = write(tmp_path, GOOD)
    plain = load_agreement(path)
    path.write_bytes(GOOD.replace("\n", ending).encode(encoding))
    assert load_agreement(path) == plain


def test_another_encoding_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    path.write_bytes(GOOD.encode() + "# Zoë\n".encode("cp1252"))
    [checked] = check_agreements([path])
    assert any("UTF-8 of UTF-16" in one.message_nl for one in checked.findings)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file that generated contents replace one another in."""
    return write(tmp_path_factory.mktemp("agreement"), GOOD)


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_no_file_is_a_traceback(place: Path, content: str | bytes) -> None:
    place.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    [checked] = check_agreements([place])
    assert checked.findings
    with pytest.raises(OverstapError):
        load_agreement(place)


def _used_or_told(place: Path, content: str) -> None:
    place.write_text(content, encoding="utf-8", newline="")
    [checked] = check_agreements([place])
    try:
        load_agreement(place)
    except OverstapError:
        assert any(each.severity == "error" for each in checked.findings), "what is not used is told"


PUT = ["", "\t", "\0", ": ", "- ", "'", '"', "{", "]", "&a", "*a", "\ufeff", "é"]


@given(st.integers(0, len(GOOD) - 1), st.sampled_from(PUT))
def test_no_damaged_agreement_is_a_traceback(place: Path, at: int, put: str) -> None:
    _used_or_told(place, GOOD[:at] + put + GOOD[at + 1 :])


VALUES = [
    *("10:30", "24:00", "0o17", "0b1", "1_000", "12e3", "1e999", ".5", "~", "null", "yes", "0x1F", "'", '"x"'),
    *("2027-01-11", "2027-01-11 09:00", "2027-01-11T09:00:00+99:00", "2027-02-30", "-1", "1" * 400),
    *("!!int x", "!!bool ja", "!!str 1", "! 1", "!!timestamp 1"),
    *("[", "[]", "{}", "{<<: 1}", "&a x", "*a", "&a [*a]", "|", ">-", "%", "@", "\u202e", "\U0001f600"),
]  # fmt: skip
AT_VALUES = [at.end() for at in re.finditer(r": +(?=\S)|- +(?=\S)|: *(?=[,}\n])", GOOD)]


@given(st.lists(st.tuples(st.sampled_from(AT_VALUES), st.sampled_from(VALUES), st.booleans()), min_size=1, max_size=3))
def test_no_odd_value_is_a_traceback(place: Path, odd: list[tuple[int, str, bool]]) -> None:
    """Values of YAML 1.1 and 1.2 in the place of what stands there, or before it."""
    content = GOOD
    for at, put, instead in sorted(odd, reverse=True):
        end = at + len(re.split(r"[,}\n#]", content[at:], maxsplit=1)[0]) if instead else at
        content = content[:at] + put + content[end:]
    _used_or_told(place, content)


def test_core_loader_leaves_the_library_as_it_is() -> None:
    assert yaml.safe_load("a: 10:30") == {"a": 630}


@given(st.recursive(st.integers(0, 9), lambda inside: st.lists(inside) | st.dictionaries(st.integers(0, 9), inside)))
def test_a_text_is_read_no_further_than_its_values_may_go(data: object) -> None:
    def values(of: object) -> int:
        parts = [*of, *of.values()] if isinstance(of, dict) else of if isinstance(of, list) else []
        return 1 + sum(map(values, parts))

    text = yaml.safe_dump(data)
    refuse_deep_yaml(text, values(data))
    with pytest.raises(TooManyValuesError):
        refuse_deep_yaml(f"[{'1, ' * (3 * values(data) + 10)}]", values(data))


def test_what_has_too_many_values_is_a_finding(tmp_path: Path) -> None:
    [fault] = read_source(write(tmp_path, "a: [" + "1," * 1_100_000 + "]")).faults
    assert (fault.code, fault.facts["problem"].name) == ("AGREEMENT-101", "yaml_too_large")
