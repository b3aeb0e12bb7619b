"""ZIPs as programs write them: the right file under its name, whatever the program made of the name."""
# ruff: noqa: E501 - a file a line

import base64
import io
import os
import random
import shutil
import struct
import subprocess
import unicodedata
import zipfile
import zlib
from pathlib import Path

import pytest

from overstap.oso.attachments import UnpackingError, inspect, unpack
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


def commented(comment: bytes) -> bytes:
    return zipped((NAME.encode(), b"x", b""))[:-2] + struct.pack("<H", len(comment)) + comment


DOUBLE = b"\0\5\x16\7" + bytes(78)
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
    "what a tar of macOS leaves beside it": zipped((NAME.encode(), b"x", b""), (b"._" + NAME.encode(), DOUBLE, b"")),
    "a mark of Office that it is open": zipped((NAME.encode(), b"x", b""), (b"~$hoolrapport.docx", bytes(162), b"")),
    "what a disk of macOS holds": zipped(
        (NAME.encode(), b"x", b""),
        (b".fseventsd/", b"", b""),
        (b".Spotlight-V100/", b"", b""),
        (b".localized", b"", b""),
    ),
    "what a disk station holds": zipped((NAME.encode(), b"x", b""), (b"@eaDir/", b"", b"")),
    "code page 852 (Polish)": zipped(("Łukasz Żółć.txt".encode("cp852"), b"x", b"")),
    "code page 1250 (Polish)": zipped(("Łukasz Żółć.txt".encode("cp1250"), b"x", b"")),
    "code page 857 (Turkish)": zipped(("Çağrı Şahin.txt".encode("cp857"), b"x", b"")),
    "a blank that does not break": zipped((NAME.replace(" ", "\u00a0").encode(), b"x", b""), flags=0x0800),
    "this folder": zipped((b"./" + NAME.encode(), b"x", b"")),
    "a comment with the mark of the end": commented(b"PK\x05\x06 einde " + bytes(40)),
    "something behind the end": zipped((NAME.encode(), b"x", b"")) + b"\r\n",
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
    "only what Finder adds": (zipped((b"__MACOSX/._a.txt", DOUBLE, b"")), ["ATTACHMENT-024"]),
    "a program where Finder adds": (
        zipped((NAME.encode(), b"x", b""), (b"__MACOSX/rekening.exe", b"MZ", b"")), ["ATTACHMENT-005"]
    ),
    "a program called as Finder would": (
        zipped((NAME.encode(), b"x", b""), (b"__MACOSX/._rekening.exe", b"MZ" + bytes(80), b"")), ["ATTACHMENT-005"]
    ),
    "a file called as Office's mark": (
        zipped((NAME.encode(), b"x", b""), (b"~$rekening.docm", bytes(4_000), b"")), ["ATTACHMENT-005"]
    ),
    "a folder with the file in it": (zipped((b"map/" + NAME.encode(), b"x", b"")), ["ATTACHMENT-024"]),
    "a folder beside the file in it": (
        zipped((b"map/", b"", b""), (b"map/" + NAME.encode(), b"x", b"")), ["ATTACHMENT-024"]
    ),
    "a folder above": (zipped((b"map/../../" + NAME.encode(), b"x", b"")), ["ATTACHMENT-006"]),
    "a disk": (zipped((b"/" + NAME.encode(), b"x", b"")), ["ATTACHMENT-006"]),
    "a path in a field for the name": (
        zipped((b"\xffa.txt", b"x", unicode_path(b"\xffa.txt", "../a.txt"))), ["ATTACHMENT-006"]
    ),
    "no entry at all": (zipped(), ["ATTACHMENT-004"]),
}  # fmt: skip


OTHER_NAMES = {"Polish": "Łukasz Żółć.txt", "Turkish": "Çağrı Şahin.txt"}


@pytest.mark.parametrize("program", RIGHT)
def test_the_right_file_has_its_name_whichever_program_packed_it(program):
    name = next((each for word, each in OTHER_NAMES.items() if word in program), NAME)
    assert codes(RIGHT[program], name) == []


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


CASES = Path(__file__).resolve().parents[4] / "shared" / "cases" / "attachments"
REPORTED = {
    "zip_1_of_Linux_macOS_name_with_accents_C.zip": [],
    "macOS_Finder_with_MACOSX_file.zip": [],
    "ZIP64_end_record_though_small_streaming_writers_.zip": [],
    "pdf_scanned_page_jpeg_stream_with_bytes_JS_by_chan.zip": [],
    "pdf_text_of_report_mentions_JavaScript.zip": [],
    "pdf_javascript_in_object_stream_with_predictor_2_f.zip": ["ATTACHMENT-015"],
}


@pytest.mark.skipif(not CASES.is_dir(), reason="../shared/cases is not beside this checkout")
@pytest.mark.parametrize("file", REPORTED)
def test_the_archives_that_were_reported(file):
    packed = (CASES / file).read_bytes()
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        names = [entry.filename for entry in archive.infolist() if not entry.filename.startswith("__MACOSX")]
    name = "Schoolrapport Zoë Çelik.pdf" if file.startswith(("zip", "macOS")) else names[0]
    assert codes(packed, name) == REPORTED[file]


PROGRAMS = {
    "zip": (("zip", "-q", "uit.zip", NAME), []),
    "zip of all": (("zip", "-qr", "uit.zip", "."), []),
    "zip as it goes": (("sh", "-c", f'zip -q - "{NAME}" > uit.zip'), []),
    "zip with large records": (("zip", "-q", "-fz", "uit.zip", NAME), []),
    "zip with a password": (("zip", "-q", "-P", "geheim", "uit.zip", NAME), ["ATTACHMENT-007"]),
    "zip of a folder": (("sh", "-c", f'mkdir map && mv "{NAME}" map && zip -qr uit.zip map'), ["ATTACHMENT-024"]),
    "7-Zip": (("7zz", "a", "uit.zip", NAME), []),
    "7-Zip in UTF-8": (("7zz", "a", "-mcu=on", "uit.zip", NAME), []),
    "7-Zip with PPMd": (("7zz", "a", "-mm=PPMd", "uit.zip", NAME), ["ATTACHMENT-025"]),
    "7-Zip with Deflate64": (("7zz", "a", "-mm=Deflate64", "uit.zip", NAME), ["ATTACHMENT-025"]),
    "7-Zip with a password": (("7zz", "a", "-mem=AES256", "-pgeheim", "uit.zip", NAME), ["ATTACHMENT-007"]),
    "7-Zip in its own form": (("7zz", "a", "-t7z", "uit.zip", NAME), ["ATTACHMENT-003"]),
    "Java": (("jar", "cMf", "uit.zip", NAME), []),
    "Java with a manifest": (("jar", "cf", "uit.zip", NAME), ["ATTACHMENT-005"]),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_programs_themselves(program, tmp_path):
    command, expected = PROGRAMS[program]
    wanted = command[0] if command[0] != "sh" else "zip"
    if shutil.which(wanted) is None:
        pytest.skip(f"{wanted} is not installed")
    (tmp_path / NAME).write_text("Verslag van de groep. " * 200)
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert codes((tmp_path / "uit.zip").read_bytes()) == expected


class _Pipe(io.RawIOBase):
    """Somewhere to write that cannot go back, as an answer on the web."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.data += data
        return len(data)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("large", [False, True])
def test_python_itself_into_a_pipe(method, large):
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", method) as archive:  # type: ignore[call-overload]
        entry = zipfile.ZipInfo(NAME)
        entry.compress_type = method
        with archive.open(entry, "w", force_zip64=large) as file:
            file.write(b"Verslag " * 40)
    assert codes(bytes(pipe.data)) == []


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
        except UnpackingError as unfit:
            answers.add(unfit.code)
        answers.update(codes(bytes(data)))
    assert len({each for each in answers if each.startswith("ATTACHMENT")}) >= 5
