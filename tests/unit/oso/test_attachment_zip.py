"""ZIPs as programs write them: the right file under its name, whatever the program made of the name."""
# ruff: noqa: E501 - a file a line

import base64
import io
import random
import struct
import unicodedata
import zipfile
import zlib

import pytest

from overstap.oso.attachments import Unfit, inspect, unpack
from overstap.oso.building import build
from overstap.oso.zip_names import stated_entries

NAME = "Schoolrapport Zoë Çelik.txt"
SEED = 707


def codes(packed: bytes, name: str = NAME) -> list[str]:
    document = {"bestandsnaam": name, "bestandsinhoud": base64.b64encode(packed).decode()}
    pupil = {"achternaam": "Vis", "bsn": "999900018", "overigdocumentlijst": {"document": [document]}}
    return [each.code for each in inspect(build({"huidigeschool": {"leerling": pupil}}))]


def zipped(*entries: tuple[bytes, bytes, bytes], flags: int = 0, zip64: bool = False) -> bytes:
    """Return an archive of entries: the name's bytes, the content, and the extra field, with these flags."""
    out, table = bytearray(), bytearray()
    for name, content, extra in entries:
        head = struct.pack(
            "<4H3L2H", flags, 0, 0, 0, zlib.crc32(content), len(content), len(content), len(name), len(extra)
        )
        table += b"PK\x01\x02" + struct.pack("<2H", 20, 20) + head + struct.pack("<3H2L", 0, 0, 0, 0, len(out))
        table += name + extra
        out += b"PK\x03\x04" + struct.pack("<H", 20) + head + name + extra + content
    begin, count = len(out), len(entries)
    out += table
    if zip64:
        out += b"PK\x06\x06" + struct.pack("<Q2H2L4Q", 44, 45, 45, 0, 0, count, count, len(table), begin)
        out += b"PK\x06\x07" + struct.pack("<LQL", 0, begin + len(table), 1)
        out += b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    else:
        out += b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, count, count, len(table), begin, 0)
    return bytes(out)


def unicode_path(raw: bytes, name: str, crc: int | None = None) -> bytes:
    field = b"\x01" + struct.pack("<L", zlib.crc32(raw) if crc is None else crc) + name.encode()
    return struct.pack("<2H", 0x7075, len(field)) + field


RAW = b"Schoolrapport Zo? ?elik.txt"
DECOMPOSED = unicodedata.normalize("NFD", NAME).encode()
RIGHT = {
    "UTF-8 with its flag": zipped((NAME.encode(), b"x", b""), flags=0x0800),
    "UTF-8 without the flag (Linux)": zipped((NAME.encode(), b"x", b"")),
    "decomposed, with the flag (macOS)": zipped((DECOMPOSED, b"x", b""), flags=0x0800),
    "decomposed, without the flag (Finder)": zipped((DECOMPOSED, b"x", b"")),
    "code page 850 (Explorer)": zipped((NAME.encode("cp850"), b"x", b"")),
    "code page 437": zipped((NAME.encode("cp437"), b"x", b"")),
    "code page 1252": zipped((NAME.encode("cp1252"), b"x", b"")),
    "a field for the name (WinRAR)": zipped((RAW, b"x", unicode_path(RAW, NAME))),
    "a field for the name, after others": zipped(
        (NAME.encode("cp850"), b"x", b"UT\x05\x00\x03\x5e\xce\x0b\x6b" + unicode_path(NAME.encode("cp850"), NAME))
    ),
    "large records in a small archive": zipped((NAME.encode(), b"x", b""), flags=0x0800, zip64=True),
    "what Finder adds": zipped(
        (NAME.encode(), b"x", b""), (b"__MACOSX/", b"", b""), (b"__MACOSX/._" + NAME.encode(), b"\0\x05\x16\x07", b"")
    ),
    "what Finder leaves in a folder": zipped((NAME.encode(), b"x", b""), (b".DS_Store", b"\0", b"")),
    "what Explorer leaves in a folder": zipped((NAME.encode("cp850"), b"x", b""), (b"Thumbs.db", b"\0", b"")),
}
WRONG = {
    "another file": (zipped((b"ander.txt", b"x", b"")), ["ATTACHMENT-011"]),
    "a name of its own that is another's": (
        zipped((b"ander.txt", b"x", unicode_path(b"ander.txt", NAME, crc=1))), ["ATTACHMENT-011"]
    ),
    "two files, and what Finder adds": (
        zipped((b"a.txt", b"x", b""), (b"b.txt", b"y", b""), (b"__MACOSX/._a.txt", b"z", b"")), ["ATTACHMENT-005"]
    ),
    "two files with large records": (zipped((b"a.txt", b"x", b""), (b"b.txt", b"y", b""), zip64=True), ["ATTACHMENT-005"]),
    "only what Finder adds": (zipped((b"__MACOSX/._a.txt", b"z", b"")), ["ATTACHMENT-006"]),
    "a path in a field for the name": (
        zipped((b"\xffa.txt", b"x", unicode_path(b"\xffa.txt", "../a.txt"))), ["ATTACHMENT-006"]
    ),
    "no entry at all": (zipped(), ["ATTACHMENT-004"]),
}  # fmt: skip


@pytest.mark.parametrize("program", RIGHT)
def test_the_right_file_has_its_name_whichever_program_packed_it(program):
    assert codes(RIGHT[program]) == []


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_as_before(name):
    packed, expected = WRONG[name]
    assert codes(packed) == expected


@pytest.mark.parametrize(
    ("name", "packed_name", "expected"),
    [
        ("rapport.exe", "rapport.txt", ["ATTACHMENT-011", "ATTACHMENT-022"]),
        ("rapport.txt.js", "rapport.txt", ["ATTACHMENT-011", "ATTACHMENT-022"]),
        ("rapport.EXE. ", "rapport.txt", ["ATTACHMENT-011", "ATTACHMENT-022"]),
        ("rapport\u202etxt.exe", "rapport.txt", ["ATTACHMENT-011", "ATTACHMENT-022"]),
        ("rapport.docm", "rapport.txt", ["ATTACHMENT-011", "ATTACHMENT-022"]),
        ("rapport.ex\u200be", "rapport.txt", ["ATTACHMENT-011", "ATTACHMENT-022"]),
        ("rapport.zip", "rapport.txt", ["ATTACHMENT-011"]),
        ("rapport", "rapport.txt", ["ATTACHMENT-011"]),
        ("rapport 1.0 exe.txt", "rapport 1.0 exe.txt", []),
        ("RAPPORT.TXT", "rapport.txt", []),
    ],
)
def test_a_file_name_of_a_program_is_told_though_the_file_is_harmless(name, packed_name, expected):
    assert codes(zipped((packed_name.encode(), b"x", b"")), name) == expected


@pytest.mark.parametrize(("count", "zip64"), [(0, False), (1, False), (1, True), (3, True), (3, False)])
def test_the_number_of_entries_is_read_as_it_is_stated(count, zip64):
    packed = zipped(*[(b"a%d.txt" % number, b"x", b"") for number in range(count)], zip64=zip64)
    assert stated_entries(packed) == count


def test_an_attachment_that_can_be_given_has_the_name_that_was_meant():
    packed = base64.b64encode(RIGHT["a field for the name (WinRAR)"]).decode()
    assert unpack("dossier", packed).name == NAME


def test_whatever_an_archive_holds_there_is_an_answer(thorough):
    chance = random.Random(SEED)
    whole = [*RIGHT.values(), *(packed for packed, _ in WRONG.values())]
    answers = set()
    for _ in range(10_000 if thorough else 1_000):
        data = bytearray(chance.choice(whole))
        for _ in range(chance.choice((1, 2, 5))):
            at = chance.randrange(len(data) + 1)
            if chance.random() < 0.8 and at < len(data):
                data[at] = chance.choice((0, 0xFF, chance.randrange(256)))
            else:
                del data[at : at + chance.choice((1, 10, 60))]
        try:
            with zipfile.ZipFile(io.BytesIO(bytes(data))):
                pass
        except Exception as problem:
            answers.add(type(problem).__name__)
        try:
            unpack("dossier", base64.b64encode(bytes(data)).decode())
        except Unfit as unfit:
            answers.add(unfit.code)
        answers.update(codes(bytes(data)))
    assert len({each for each in answers if each.startswith("ATTACHMENT")}) >= 5
