"""Plain archives are read directly, all others by zipfile: with the same outcome, whatever the archive is like."""

import io
import random
import zipfile

import pytest

from overstap.oso.archives import DAMAGED, Archive, ArchiveEntry

SEED = 1989


def packed(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.comment = comment
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()


def by_zipfile(data: bytes, most: int) -> object:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found = []
            for entry in archive.infolist():
                with archive.open(entry) as file:
                    found.append((entry.filename, entry.file_size, entry.is_dir(), file.read(most)))
            return found
    except DAMAGED:
        return None


def directly(data: bytes, most: int) -> object:
    try:
        archive = Archive(data)
        return [(each.filename, each.file_size, each.is_dir(), archive.read(each, most)) for each in archive.entries]
    except DAMAGED:
        return None


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_plain_archive_is_read_directly(method: int) -> None:
    files = [("a.txt", b"Zoe"), ("map/", b""), ("map/Zo\u00eb.txt", b"x" * 100_000), ("leeg.txt", b"")]
    data = packed(*files, method=method)
    archive = Archive(data)
    assert all(isinstance(each, ArchiveEntry) for each in archive.entries)
    assert [(each.filename, archive.read(each, 10**6)) for each in archive.entries] == files
    assert archive.read(archive.entries[2], 7) == b"x" * 7


@pytest.mark.parametrize("data", [packed(("a", b"b"), comment=b"c"), b"#!/bin/sh\n" + packed(("a", b"b"))])
def test_an_odd_archive_is_left_to_zipfile(data: bytes) -> None:
    archive = Archive(data)
    assert not isinstance(archive.entries[0], ArchiveEntry)
    assert archive.read(archive.entries[0], 10) == b"b"


def test_a_damaged_archive_has_the_same_outcome_either_way() -> None:
    """What zipfile gives, this gives: for thousands of archives with a byte or a piece changed."""
    chance = random.Random(SEED)
    originals = [
        packed(("a.txt", b"overstap " * 40)),
        packed(("a.txt", b"stored"), ("b/c.txt", bytes(range(256))), method=zipfile.ZIP_STORED),
        packed(("x.xml", b"<a>" * 900), ("y.xml", b"")),
        packed(("large.bin", chance.randbytes(1_000) * 3 + chance.randbytes(3_000))),
    ]
    read = refused = 0
    for number in range(6_000):
        data = bytearray(chance.choice(originals))
        for _ in range(chance.choice((1, 1, 2))):
            at = chance.randrange(len(data))
            if chance.random() < 0.8:
                data[at] = chance.choice((0, 1, 0x80, 0xFF, chance.randrange(256)))
            else:
                del data[at : at + chance.choice((1, 4, 30))]
        most = chance.choice((5, 300, 10**6))
        expected, found = by_zipfile(bytes(data), most), directly(bytes(data), most)
        read += expected is not None
        refused += expected is None
        assert found == expected, f"seed {SEED}, number {number}"
    assert read > 500
    assert refused > 500
