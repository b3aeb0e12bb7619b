"""Coverage-guided fuzzing of attachments: whatever an archive holds gives findings, never an exception.

pip install atheris
python tests/fuzz/fuzz_attachment.py CORPUS_FOLDER -max_total_time=600 -rss_limit_mb=1024
"""

import base64
import io
import sys
import zipfile
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "src")]

with atheris.instrument_imports(include=["overstap.oso", "zipfile"]):
    from overstap.oso.attachments import inspect
    from overstap.oso.building import build

NAMES = ("stuk.txt", "stuk.docx", "stuk.pdf", "stuk.odt", "stuk.doc", "stuk.png")


def one(data: bytes) -> None:
    """Inspect a dossier whose attachment is this archive, or an archive of it."""
    if not data:
        return
    name, packed = NAMES[data[0] % len(NAMES)], data[1:]
    if data[0] & 0x80:
        packed = _zip(name, packed)
    document = {"bestandsnaam": name, "bestandsinhoud": base64.b64encode(packed).decode()}
    pupil = {"achternaam": "Vis", "overigdocumentlijst": {"document": [document]}}
    inspect(build({"huidigeschool": {"leerling": pupil}}))


def _zip(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def seed(folder: Path) -> None:
    """Fill a corpus with small archives and files of each kind."""
    folder.mkdir(parents=True, exist_ok=True)
    office = io.BytesIO()
    with zipfile.ZipFile(office, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<w:t>BSN 999990019</w:t>")
    contents = [b"tekst 999990019", office.getvalue(), b"%PDF-1.4\nstream\nx\nendstream\n%%EOF", b"\x89PNG\r\n\x1a\n0"]
    for number, content in enumerate(contents):
        (folder / f"archive-{number}").write_bytes(bytes([number]) + _zip(NAMES[number], content))
        (folder / f"file-{number}").write_bytes(bytes([0x80 + number]) + content)


if __name__ == "__main__":
    folders = [Path(word) for word in sys.argv[1:] if not word.startswith("-")]
    if folders and not any(folders[0].glob("*")):
        seed(folders[0])
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
