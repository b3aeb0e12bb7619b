"""PDF by its structure: what acts is found wherever it stands, and what only looks like it in bytes is left alone."""
# ruff: noqa: E501 - a file a line

import base64
import io
import random
import tracemalloc
import zlib

import pytest
from fpdf import FPDF
from generated_dossiers import packed
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

from overstap.oso.attachments import inspect
from overstap.oso.building import build
from overstap.oso.pdf_objects import inspect_pdf

SEED = 2606
ACTION = b"<</S/JavaScript/JS(app.alert\\(1\\))>>"
SENDS = b"<</S/SubmitForm/F(https://example.org/)>>"


def codes(content: bytes, name: str = "stuk.pdf") -> list[str]:
    document = {"bestandsnaam": name, "bestandsinhoud": packed(name, content)}
    pupil = {"achternaam": "Vis", "bsn": "999900018", "overigdocumentlijst": {"document": [document]}}
    return [each.code for each in inspect(build({"huidigeschool": {"leerling": pupil}}))]


def raw(*objects: bytes, table: bool = True, trailer: bytes = b"") -> bytes:
    """Return a PDF of these objects, numbered from 1; the first is the catalogue."""
    out, places = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), []
    for number, each in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n" % number + each + b"\nendobj\n"
    begin = len(out)
    if table:
        out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
        out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<</Size %d/Root 1 0 R%s>>\n" % (len(objects) + 1, trailer)
    return bytes(out + (b"startxref\n%d\n" % begin if table else b"") + b"%%EOF\n")


CATALOGUE = b"<</Type/Catalog/Pages 2 0 R>>"
PAGES = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R>>"


def stream(data: bytes, about: bytes = b"", *filters: str) -> bytes:
    """Return a stream object, packed by the filters from the last to the first."""
    for each in reversed(filters):
        data = {
            "FlateDecode": zlib.compress,
            "ASCIIHexDecode": lambda it: it.hex().encode() + b">",
            "ASCII85Decode": _85,
        }[each](data)
    named = "".join(f"/{each}" for each in filters)
    chain = f"/Filter[{named}]".encode() if len(filters) > 1 else f"/Filter{named}".encode() if filters else b""
    return b"<</Length %d%s%s>>stream\n%s\nendstream" % (len(data), chain, about, data)


def _85(data: bytes) -> bytes:
    return base64.a85encode(data) + b"~>"


CONTENT = stream(b"BT /F1 12 Tf (Verslag) Tj ET", b"", "FlateDecode")
PLAIN = raw(CATALOGUE, PAGES, PAGE, CONTENT)


def object_stream(inner: bytes, *filters: str, about: bytes = b"") -> bytes:
    head = b"7 0 "
    return stream(head + inner, b"/Type/ObjStm/N 1/First %d%s" % (len(head), about), *filters)


def predicted(data: bytes, columns: int = 12) -> bytes:
    """Return data as PNG's predictor 2 (up) leaves it."""
    data += b" " * (-len(data) % columns)
    rows = [data[at : at + columns] for at in range(0, len(data), columns)]
    before, out = bytes(columns), bytearray()
    for row in rows:
        out += b"\x02" + bytes((new - old) & 0xFF for new, old in zip(row, before, strict=True))
        before = row
    return bytes(out)


def encrypted(password: str, *, acts: bool = True, kind: str = "/JavaScript", algorithm: str = "AES-256") -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    if acts:
        action = DictionaryObject()
        action[NameObject("/S")] = NameObject(kind)
        action[NameObject("/JS" if kind == "/JavaScript" else "/URI")] = TextStringObject("app.alert(1)")
        writer._root_object[NameObject("/OpenAction")] = writer._add_object(action)
    writer.encrypt(password, "owner", algorithm=algorithm)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _hidden() -> bytes:
    """A table of contents that names an object within the data of a picture."""
    picture = b"\xff\xd8" + b"9 0 obj" + ACTION + b"endobj"
    made = raw(CATALOGUE, PAGES, PAGE, CONTENT, stream(picture, b"/Subtype/Image"))
    place = made.index(b"9 0 obj")
    return made.replace(b"xref\n0 6\n", b"xref\n9 1\n%010d 00000 n \n0 6\n" % place, 1)


ACTIVE = {
    "open action": raw(CATALOGUE.replace(b">>", b"/OpenAction" + ACTION + b">>"), PAGES, PAGE, CONTENT),
    "action of its own object": raw(CATALOGUE.replace(b">>", b"/OpenAction 5 0 R>>"), PAGES, PAGE, CONTENT, ACTION),
    "name written with escapes": raw(CATALOGUE, PAGES, PAGE, CONTENT, b"<</S/J#61vaScript/J#53(x)>>"),
    "no table of contents": raw(CATALOGUE, PAGES, PAGE, CONTENT, ACTION, table=False),
    "comments between": raw(CATALOGUE, PAGES, PAGE, CONTENT, b"<<%x>>\n/S%y\n/JavaScript %z\n/JS(x)>>"),
    "a key twice": raw(CATALOGUE, PAGES, PAGE, CONTENT, b"<</S/GoTo/S/Launch/F(x)>>"),
    "launch": raw(CATALOGUE, PAGES, PAGE, CONTENT, b"<</S/Launch/F(cmd.exe)>>"),
    "in an array in an annotation": raw(CATALOGUE, PAGES, PAGE, CONTENT, b"<</Type/Annot/A[<</Next[" + ACTION + b"]>>]>>"),
    "embedded file": raw(CATALOGUE, PAGES, PAGE, CONTENT, stream(b"MZ", b"/Type/EmbeddedFile")),
    "file specification": raw(CATALOGUE, PAGES, PAGE, CONTENT, b"<</Type/Filespec/F(a.exe)/EF<</F 6 0 R>>>>", stream(b"MZ")),
    "rich media": raw(CATALOGUE, PAGES, PAGE, CONTENT, b"<</Type/Annot/Subtype/RichMedia>>"),
    "XFA form": raw(CATALOGUE.replace(b">>", b"/AcroForm<</XFA 5 0 R>>>>"), PAGES, PAGE, CONTENT, stream(b"<xdp/>")),
    "script by name": raw(CATALOGUE.replace(b">>", b"/Names<</JavaScript 5 0 R>>>>"), PAGES, PAGE, CONTENT, b"<</Names[]>>"),
    "in an object stream": raw(CATALOGUE, PAGES, PAGE, CONTENT, object_stream(ACTION, "FlateDecode")),
    "in an object stream with two filters": raw(
        CATALOGUE, PAGES, PAGE, CONTENT, object_stream(ACTION, "ASCIIHexDecode", "FlateDecode")
    ),
    "in an object stream with three filters": raw(
        CATALOGUE, PAGES, PAGE, CONTENT, object_stream(ACTION, "ASCII85Decode", "FlateDecode", "ASCIIHexDecode")
    ),
    "in an object stream with a filter of another object": raw(
        CATALOGUE, PAGES, PAGE, CONTENT,
        object_stream(ACTION, "FlateDecode").replace(b"/Filter/FlateDecode", b"/Filter 6 0 R"), b"/FlateDecode",
    ),
    "in an object stream with a predictor": raw(
        CATALOGUE, PAGES, PAGE, CONTENT,
        stream(predicted(b"7 0 " + ACTION), b"/Type/ObjStm/N 1/First 4/DecodeParms<</Predictor 12/Columns 12>>", "FlateDecode"),
    ),
    "in an object stream that does not say so": raw(
        CATALOGUE, PAGES, PAGE, CONTENT, object_stream(ACTION, "FlateDecode").replace(b"/Type/ObjStm", b"")
    ),
    "length that is a lie": raw(CATALOGUE, PAGES, PAGE, CONTENT.replace(b"/Length 3", b"/Length 99993"), ACTION),
    "object in the data of a picture": _hidden(),
    "encrypted without a password": encrypted(""),
    "cut off": raw(CATALOGUE, PAGES, PAGE, CONTENT, ACTION)[:-150],
    "script of a picture with depth": raw(CATALOGUE, PAGES, PAGE, CONTENT, b"<</Type/3D/Subtype/U3D/OnInstantiate 6 0 R>>"),
    "an update": PLAIN + b"5 0 obj" + ACTION + b"endobj\ntrailer<</Root 1 0 R/Prev 9>>\n%%EOF",
}  # fmt: skip
INNOCENT = {
    "plain": PLAIN,
    "no table of contents": raw(CATALOGUE, PAGES, PAGE, CONTENT, table=False),
    "text that mentions JavaScript": raw(CATALOGUE, PAGES, PAGE, stream(b"BT (cursus /JavaScript /JS /Launch) Tj ET", b"", "FlateDecode")),
    "text that is not packed": raw(CATALOGUE, PAGES, PAGE, stream(b"BT (/JavaScript /JS gevolgd) Tj ET")),
    "title that mentions JavaScript": raw(CATALOGUE, PAGES, PAGE, CONTENT, b"<</Title(/JS en /JavaScript, deel 1)>>"),
    "title in UTF-16": raw(CATALOGUE, PAGES, PAGE, CONTENT, b"<</Title<" + "\ufeff/JS".encode("utf-16-be").hex().encode() + b">>>"),
    "comment": raw(CATALOGUE, PAGES, PAGE, CONTENT, b"% /JS /Launch\n<</A 1>>"),
    "picture with the bytes": raw(CATALOGUE, PAGES, PAGE, CONTENT, stream(b"\xff\xd8/JS(/Launch)/XFA ", b"/Subtype/Image")),
    "a link": raw(CATALOGUE, PAGES, PAGE, CONTENT, b"<</Type/Annot/Subtype/Link/A<</S/URI/URI(https://example.org)>>>>"),
    "open at a page": raw(CATALOGUE.replace(b">>", b"/OpenAction<</S/GoTo/D[3 0 R/Fit]>>>>"), PAGES, PAGE, CONTENT),
    "a link in a list of links": raw(
        CATALOGUE, PAGES, PAGE, CONTENT, b"<</Type/Annot/Subtype/Link/A<</S/GoToR/F(x.pdf)>>/AA<<>>>>"
    ),
    "a button that sends": raw(CATALOGUE, PAGES, PAGE, CONTENT, b"<</Type/Annot/Subtype/Widget/FT/Btn/A" + SENDS + b">>"),
    "print at opening": raw(CATALOGUE.replace(b">>", b"/OpenAction<</S/Named/N/Print>>>>"), PAGES, PAGE, CONTENT),
    "actions that lead in a circle": raw(
        CATALOGUE.replace(b">>", b"/OpenAction 5 0 R>>"), PAGES, PAGE, CONTENT, b"<</S/GoTo/Next[5 0 R 5 0 R]>>"
    ),
    "a form without script": raw(CATALOGUE.replace(b">>", b"/AcroForm<</Fields[]>>>>"), PAGES, PAGE, CONTENT),
    "encrypted against printing": encrypted("", acts=False),
}  # fmt: skip


def opened(action: bytes, *more: bytes) -> bytes:
    return raw(CATALOGUE.replace(b">>", b"/OpenAction " + action + b">>"), PAGES, PAGE, CONTENT, *more)


FETCHING = {
    "a page of the web at opening": opened(b"<</S/URI/URI(https://example.org)>>"),
    "a file of another machine at opening": opened(b"<</S/GoToR/F(\\\\\\\\server\\\\x.pdf)/D[0/Fit]>>"),
    "a form that sends itself": opened(b"5 0 R", SENDS),
    "data from elsewhere, after a page was shown": opened(b"<</S/GoTo/D[3 0 R/Fit]/Next 5 0 R>>", b"<</S/ImportData/F(x)>>"),
    "after a chain": opened(b"<</S/Named/N/Print/Next[<</S/Hide>> 5 0 R]>>", SENDS),
    "when a page is shown": raw(CATALOGUE, PAGES, PAGE.replace(b">>", b"/AA<</O 5 0 R>>>>"), CONTENT, SENDS),
    "in an object of its own, of actions": raw(
        CATALOGUE.replace(b">>", b"/AA 5 0 R>>"), PAGES, PAGE, CONTENT, b"<</WC 6 0 R>>", SENDS
    ),
    "replaced by an update": opened(b"5 0 R", SENDS) + b"5 0 obj<</S/GoTo/D[3 0 R/Fit]>>endobj\n%%EOF",
    "in an object stream": opened(b"7 0 R", object_stream(SENDS, "FlateDecode")),
    "behind encryption": encrypted("", acts=True, kind="/URI"),
}  # fmt: skip


@pytest.mark.fault("F61")
@pytest.mark.parametrize("name", FETCHING)
def test_what_leaves_the_file_by_itself_is_found(name):
    assert codes(FETCHING[name]) == ["ATTACHMENT-023"]


@pytest.mark.parametrize("algorithm", ["RC4-40", "RC4-128", "AES-128", "AES-256-R5", "AES-256"])
@pytest.mark.parametrize(("acts", "expected"), [(True, ["ATTACHMENT-015"]), (False, [])])
def test_every_encryption_that_opens_without_a_password_is_seen_through(algorithm, acts, expected):
    assert codes(encrypted("", acts=acts, algorithm=algorithm)) == expected
    assert codes(encrypted("geheim", acts=acts, algorithm=algorithm)) == ["ATTACHMENT-020"]


@pytest.mark.parametrize("mode", ["RGB", "L", "1"])
def test_pictures_as_pillow_writes_them(mode):
    """JPEG and fax data of noise, in which any bytes occur, and a title that mentions script."""
    chance = random.Random(SEED)
    for _ in range(3):
        picture = Image.frombytes("RGB", (800, 1100), chance.randbytes(800 * 1100 * 3)).convert(mode)
        out = io.BytesIO()
        picture.save(out, "PDF", title="/JS en /JavaScript", author="/Launch", save_all=True, append_images=[picture])
        assert codes(out.getvalue()) == []


def test_files_as_fpdf_writes_them():
    file = FPDF()
    file.add_page()
    file.set_font("helvetica", size=12)
    file.cell(text="Verslag: /JS /JavaScript /OpenAction", link="https://example.org")
    assert codes(bytes(file.output())) == []
    file = FPDF()
    file.add_page()
    file.embed_file(bytes=b"MZ", basename="a.exe")
    assert codes(bytes(file.output())) == ["ATTACHMENT-015"]


@pytest.mark.fault("F61")
@pytest.mark.parametrize("name", ACTIVE)
def test_what_acts_is_found(name):
    assert codes(ACTIVE[name]) == ["ATTACHMENT-015"]


@pytest.mark.parametrize("name", INNOCENT)
def test_what_only_looks_like_it_is_left_alone(name):
    assert codes(INNOCENT[name]) == []


@pytest.mark.parametrize("file", [encrypted("geheim"), encrypted("geheim", acts=False)])
def test_what_takes_a_password_is_told_as_such(file):
    assert codes(file) == ["ATTACHMENT-020"]


@pytest.mark.parametrize("file", [b"%PDF-1.7\n", b"%PDF-1.4 niets\n%%EOF", b"%PDF-1.4\nxref\n0 0\nstartxref\n9\n%%EOF"])
def test_what_holds_nothing_is_damaged(file):
    assert codes(file) == ["ATTACHMENT-021"]


def test_a_number_is_found_in_text_and_title():
    page = raw(CATALOGUE, PAGES, PAGE, stream(b"BT (BSN 999900031) Tj ET", b"", "ASCIIHexDecode", "FlateDecode"))
    assert codes(page) == ["ATTACHMENT-017"]
    assert codes(raw(CATALOGUE, PAGES, PAGE, CONTENT, b"<</Title(BSN 999900031)>>")) == ["ATTACHMENT-017"]


def scan(chance: random.Random, size: int) -> bytes:
    """Return a scanned page: a picture of random bytes, as those of a JPEG look to whoever does not draw it."""
    picture = b"\xff\xd8\xff\xe0" + chance.randbytes(size)
    for word in chance.sample(
        (b"/JS", b"/JS ", b"/Launch", b"/XFA", b"/JavaScript", b"obj", b"1 0 obj", b"stream\n"), 3
    ):
        at = chance.randrange(len(picture))
        picture = picture[:at] + word + picture[at:]
    about = b"/Type/XObject/Subtype/Image/Width 1240/Height 1754/ColorSpace/DeviceRGB/BitsPerComponent 8"
    image = stream(picture, about + b"/Filter/DCTDecode")
    shown = stream(b"q 595 0 0 842 0 0 cm /Im0 Do Q", b"", "FlateDecode")
    return raw(CATALOGUE, PAGES, PAGE, shown, image, table=chance.random() < 0.7)


def test_no_scan_gives_an_alarm(thorough):
    """Ten thousand in a thorough run: pictures with the bytes of names, of objects and of streams by chance."""
    chance = random.Random(SEED)
    for number in range(10_000 if thorough else 1_000):
        found = inspect_pdf(scan(chance, chance.choice((2_000, 20_000, 60_000))))
        assert (found.is_active, found.is_locked, found.is_readable) == (False, False, True), f"seed {SEED}, {number}"


def test_whatever_a_pdf_holds_there_is_an_answer(thorough):
    chance = random.Random(SEED)
    whole = [*ACTIVE.values(), *INNOCENT.values(), encrypted("x")]
    pieces = (
        b"<<",
        b">>",
        b"(",
        b")",
        b"[",
        b"]",
        b"stream\n",
        b"endstream",
        b"endobj",
        b"1 0 obj",
        b"/Length 1e9",
        b"R",
        b"\\",
    )
    answers = set()
    for _ in range(10_000 if thorough else 600):
        data = bytearray(chance.choice(whole))
        for _ in range(chance.choice((1, 2, 5, 20))):
            at = chance.randrange(len(data) + 1)
            kind = chance.random()
            if kind < 0.4 and at < len(data):
                data[at] = chance.randrange(256)
            elif kind < 0.7:
                data[at:at] = chance.choice(pieces)
            elif kind < 0.9:
                del data[at : at + chance.choice((1, 10, 200))]
            else:
                del data[at:]
        found = inspect_pdf(bytes(data))
        answers.add((found.is_active, found.is_locked, found.is_readable))
    assert len(answers) >= 3


HEAVY = {
    "a bomb in a filter": lambda: object_stream(b"0" * 60_000_000, "FlateDecode", "FlateDecode"),
    "deep": lambda: b"[" * 100_000,
    "many dictionaries": lambda: b"<<" * 100_000,
    "a string that never ends": lambda: b"(" * 200_000,
    "many objects": lambda: b"".join(b"%d 0 obj<<>>endobj\n" % number for number in range(10_000)),
    "beginnings of streams": lambda: b"<<>>stream\n" + b"stream\n" * 300_000,
    "hexadecimal": lambda: b"<" * 100_000,
}


@pytest.mark.parametrize("name", HEAVY)
def test_a_heavy_file_is_bounded(name):
    data = raw(CATALOGUE, PAGES, PAGE, CONTENT, HEAVY[name]())
    tracemalloc.start()
    assert inspect_pdf(data).is_readable
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300_000_000


@pytest.mark.parametrize("file", [PLAIN, INNOCENT["a link"], ACTIVE["in an object stream with two filters"]])
def test_the_files_of_these_tests_are_read_by_another_program(file):
    assert len(PdfReader(io.BytesIO(file)).pages) == 1
