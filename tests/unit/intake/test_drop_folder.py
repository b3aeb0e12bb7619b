import hashlib
import os
import socket
import threading
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overstap.errors import OverstapError, sentences
from overstap.intake.refusals import RefusedItem
from overstap.intake.sources.drop_folder import DropLimits, DroppedFile, scan
from overstap.simulation.synthetic import litter

NOW = datetime(2027, 3, 12, 12, 0, tzinfo=UTC)
KEY = b"a key of the region"


def look(folder: Path, *, now: datetime = NOW, settle: float = 30, limits: DropLimits | None = None) -> list:
    return list(scan(folder, now=now, settle_seconds=settle, label_key=KEY, limits=limits))


def put(folder: Path, name: str, content: bytes = b"<dossier/>", *, age: float = 3600) -> Path:
    path = folder / name
    path.write_bytes(content)
    os.utime(path, (NOW.timestamp() - age,) * 2)
    return path


def test_a_settled_file_is_found_as_it_is(tmp_path: Path) -> None:
    put(tmp_path, "a.XML", b"<dossier>\r\n</dossier>")
    [found] = look(tmp_path)
    assert isinstance(found, DroppedFile)
    assert found.data == b"<dossier>\r\n</dossier>"
    assert found.source_digest == hashlib.sha256(found.data).digest()
    assert found.modified_at == NOW - timedelta(hours=1)
    assert found.file_name == "a.XML"


@pytest.mark.fault("F67")
def test_garbage_is_refused_by_its_own_code(tmp_path: Path) -> None:
    put(tmp_path, "goed.xml")
    litter.write_litter(tmp_path, NOW.timestamp() - 3600)
    os.mkfifo(tmp_path / "pijp.xml")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "stopcontact.xml"))
    codes = {one.file_name: one.code for one in look(tmp_path) if isinstance(one, RefusedItem)}
    listener.close()
    assert codes == {
        "map.xml": "INTAKE-002",
        "pijp.xml": "INTAKE-002",
        "stopcontact.xml": "INTAKE-002",
        "verwijzing.xml": "INTAKE-003",
        ".verborgen.xml": "INTAKE-004",
        "bezig.xml.part": "INTAKE-004",
        "~$overzicht.xml": "INTAKE-004",
        "overzicht groep 8.xlsx": "INTAKE-005",
        "export.zip": "INTAKE-005",
        "te groot.xml": "INTAKE-006",
        "leeg.xml": "INTAKE-011",
    }
    # What is wrong inside the XML is for the reader of dossiers to say.
    assert {one.file_name for one in look(tmp_path) if isinstance(one, DroppedFile)} == {
        *("goed.xml", "geen xml.xml", "afgebroken.xml", "oude versie.xml", "ander bericht.xml", "doctype.xml"),
        "lachsalvo.xml",
    }


def test_a_large_file_is_not_read_to_memory(tmp_path: Path) -> None:
    litter.write_litter(tmp_path, NOW.timestamp() - 3600)
    tracemalloc.start()
    refused = [one for one in look(tmp_path) if isinstance(one, RefusedItem) and one.code == "INTAKE-006"]
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused[0].facts == {"megabytes": 200, "limit": 32}
    assert peak_bytes < 2_000_000


@pytest.mark.fault("F67")
@pytest.mark.parametrize(("age", "is_waiting"), [(0, True), (29, True), (31, False), (-29, True), (-31, False)])
def test_a_file_changed_just_now_waits(tmp_path: Path, age: float, is_waiting: bool) -> None:
    put(tmp_path, "a.xml", age=age)
    [one] = look(tmp_path)
    assert isinstance(one, RefusedItem) == is_waiting
    if is_waiting:
        assert (one.code, one.is_waiting) == ("INTAKE-007", True)


@pytest.mark.fault("F67")
def test_a_file_that_grows_while_it_is_read_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path, "a.xml")
    from overstap.storage import disk

    read = disk._read

    def read_while_somebody_writes(*arguments: object) -> bytes:
        data = read(*arguments)  # type: ignore[arg-type]
        with path.open("ab") as file:
            file.write(b"more")
        return data

    monkeypatch.setattr(disk, "_read", read_while_somebody_writes)
    [one] = look(tmp_path)
    assert (one.code, one.is_waiting) == ("INTAKE-008", True)


@pytest.mark.fault("F67")
def test_a_file_that_is_replaced_all_the_time_is_whole_or_refused(tmp_path: Path) -> None:
    """Whatever another process does meanwhile: what is found has the length and content of one of the versions."""
    versions = [b"<a>" + bytes([65 + n]) * 50_000 + b"</a>" for n in range(3)]
    put(tmp_path, "a.xml", versions[0])
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for version in versions:
                aside = tmp_path / "a.tmp"
                aside.write_bytes(version)
                os.utime(aside, (NOW.timestamp() - 3600,) * 2)
                aside.replace(tmp_path / "a.xml")
                (tmp_path / "a.xml").unlink(missing_ok=True)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(300):
            for one in look(tmp_path):
                if isinstance(one, DroppedFile):
                    assert one.data in versions
                else:
                    assert one.code in {"INTAKE-004", "INTAKE-007", "INTAKE-009"}
    finally:
        stop.set()
        writer.join()


def test_a_file_without_rights_is_told(world_readable: Path) -> None:
    put(world_readable, "a.xml").chmod(0)
    put(world_readable, "b.xml").chmod(0o644)
    with ordinary_user():
        first, second = look(world_readable)
    assert (first.code, first.facts) == ("INTAKE-010", {"kind": "EACCES"})
    assert isinstance(second, DroppedFile)


def test_a_folder_that_is_not_there_is_an_error() -> None:
    with pytest.raises(OverstapError, match="INTAKE-001") as caught:
        look(Path("/nonexistent/geheim"))
    assert caught.value.facts == {"kind": "ENOENT"}


def test_an_empty_folder_gives_nothing(tmp_path: Path) -> None:
    assert look(tmp_path) == []


def test_a_flood_of_files_is_bounded(tmp_path: Path) -> None:
    for number in range(7):
        put(tmp_path, f"{number}.xml")
    *found, last = look(tmp_path, limits=DropLimits(files=5))
    assert len(found) == 5
    assert (last.code, last.facts) == ("INTAKE-012", {"limit": 5})


def test_labels_and_messages_never_hold_the_file_name(tmp_path: Path) -> None:
    put(tmp_path, "Geheim van der Berg.xml")
    put(tmp_path, "Geheim de Vries.docx")
    put(tmp_path, "Geheim leeg.xml", b"")
    for one in look(tmp_path):
        said = f"{one!r} {one.label}" + (str(one.error) if isinstance(one, RefusedItem) else "")
        assert "Geheim" not in said
        assert "dossier/" not in said
        assert one.file_name.startswith("Geheim")


def test_a_label_stays_with_the_name_and_needs_the_key(tmp_path: Path) -> None:
    put(tmp_path, "b.xml")
    [before] = look(tmp_path)
    put(tmp_path, "a.xml")
    after = look(tmp_path)[1]
    assert (before.label[:9], after.label[:9]) == ("bestand 1", "bestand 2")
    assert before.label[10:] == after.label[10:]
    [_, other] = scan(tmp_path, now=NOW, settle_seconds=0, label_key=b"another")
    assert other.label[10:] != after.label[10:]


def test_a_name_that_is_no_utf8_is_taken(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/Ren\xe9e.xml", "wb") as file:  # noqa: PTH123 - a name that Path cannot write
        file.write(b"<dossier/>")
    [found] = look(tmp_path, now=datetime.now(UTC) + timedelta(hours=1))
    assert isinstance(found, DroppedFile)


def test_every_code_has_sentences_that_fill(tmp_path: Path) -> None:
    litter.write_litter(tmp_path, NOW.timestamp() - 3600)
    for one in look(tmp_path, limits=DropLimits(files=3)) + look(tmp_path):
        if isinstance(one, RefusedItem):
            assert one.error.code in sentences()
            assert "{" not in f"{one.error.message_nl}{one.error.do_nl}{one.error.message_en}{one.error.do_en}"


@pytest.fixture
def world_readable() -> Iterator[Path]:
    """A folder that any user may look into; pytest's own folders are for their owner only."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


class ordinary_user:  # noqa: N801 - reads as a word
    """Take off the rights of root, who may read everything."""

    def __enter__(self) -> None:
        self.before = os.geteuid()
        if self.before == 0:
            os.seteuid(65534)

    def __exit__(self, *_: object) -> None:
        os.seteuid(self.before)


NAMES = st.lists(
    st.sampled_from(
        [b".xml", b".XML", b".part", b"~$", b".", b"-", b" ", b"\n", b"\xff", b"\xc3\xab", b"a", b"<", b"%s"]
    ),
    min_size=1,
    max_size=4,
).map(b"".join)


@given(st.dictionaries(NAMES.filter(lambda name: name not in (b".", b"..")), st.binary(max_size=20), max_size=6))
def test_each_file_is_taken_or_told(files: dict[bytes, bytes]) -> None:
    """Whatever a folder holds: one answer for each entry, in its own name, and no name in what is told."""
    with TemporaryDirectory() as place:
        for name, content in files.items():
            put(Path(place), os.fsdecode(name), content)
        found = look(Path(place))
    assert sorted(os.fsencode(one.file_name) for one in found) == sorted(files)
    for one in found:
        if isinstance(one, DroppedFile):
            assert one.data == files[os.fsencode(one.file_name)]
        else:
            assert one.error
            assert not one.is_waiting or one.code == "INTAKE-004"
