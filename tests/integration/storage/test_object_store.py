"""Files in an object store: what is found and written, and what bad stores and bad objects do."""

import errno
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import moto.settings
import pytest
from object_store import ObjectStore, line

from overstap import storage
from overstap.clock import now
from overstap.delivery.channels.channel import ChannelError
from overstap.delivery.channels.folder import KIND, FolderChannel
from overstap.delivery.channels.kit import check_channel
from overstap.envelope.file_names import MAX_BYTES, AnswerKind
from overstap.envelope.message_ids import message_id
from overstap.errors import OverstapError
from overstap.intake import applications
from overstap.intake.refusals import RefusedItem
from overstap.intake.sources.drop_folder import DropLimits, DroppedFile, scan
from overstap.orchestration.object_storage import place_of
from overstap.storage import Unread, UnreadError
from overstap.transport.https_client import TransportProblem

pytest.importorskip("s3fs")
Open = Callable[..., Any]
KEY = b"a key of the region"


def look(folder: Any, **options: Any) -> list[Any]:
    return list(scan(folder, now=now(), settle_seconds=5, label_key=KEY, **options))


def test_what_is_written_is_read(store: ObjectStore, opened: Open) -> None:
    folder = opened("reports") / "alfa" / "2026-2027"
    assert storage.entries(folder, 10) == []
    for content in (b"first", b"second"):
        place = storage.write(folder, "advice.html", content, mode=0o644)
        assert store.keys() == {"reports/alfa/2026-2027/advice.html": content}
        assert storage.read(folder, "advice.html", limit_bytes=10).data == content
    assert place.name == "advice.html"
    size, changed = storage.state(place)
    assert size == len(b"second")
    assert abs(changed - time.time()) < 60
    assert [one.name for one in storage.entries(folder, 10)] == ["advice.html"]
    assert [(one.name, one.why_not) for one in storage.entries(opened("reports"), 10)] == [("alfa", Unread.SPECIAL)]
    storage.remove(folder, "advice.html")
    storage.remove(folder, "advice.html")
    assert store.keys() == {}


def test_what_is_written_once_stays_as_it_is(store: ObjectStore, opened: Open) -> None:
    folder = opened("checkpoints")
    storage.write_once(folder, "alfa-1.json", b"one")
    with pytest.raises(FileExistsError):
        storage.write_once(folder, "alfa-1.json", b"another")
    # Two at the same moment: the second one's look came before the first one's object
    folder.fs.info, known = _nothing_there, folder.fs.info
    with pytest.raises(OSError, match=r".") as told:
        storage.write_once(folder, "alfa-1.json", b"another")
    folder.fs.info = known
    assert not isinstance(told.value, FileNotFoundError)
    assert store.keys() == {"checkpoints/alfa-1.json": b"one"}


def _nothing_there(path: str, **_: Any) -> None:
    raise FileNotFoundError(path)


def test_a_school_s_folder_is_read_as_one_on_disk(store: ObjectStore, opened: Open) -> None:
    good = b"<dossier/>"
    at = {
        "a.XML": good,
        "b?versionId=1.txt": good,
        "bezig.xml.part": good,
        "leeg.xml": b"",
        "groot.xml": bytes(2_000_000),
        "map.xml/binnen.xml": good,
        "é ü.xml": good,
        "": b"",  # the mark of a folder, as some programs make it
    }
    for name, content in at.items():
        store.put(f"drop/alfa/99AB00/{name}", content)
    store.put("drop/alfa/99AB001/other.xml", good)
    found = look(opened() / "alfa" / "99AB00", limits=DropLimits(file_bytes=1_000_000))
    assert {one.file_name: one.code for one in found if isinstance(one, RefusedItem)} == {
        "b?versionId=1.txt": "INTAKE-005",
        "bezig.xml.part": "INTAKE-004",
        "groot.xml": "INTAKE-006",
        "leeg.xml": "INTAKE-011",
        "map.xml": "INTAKE-002",
    }
    read = [one for one in found if isinstance(one, DroppedFile)]
    assert {one.file_name: one.data for one in read} == {"a.XML": good, "é ü.xml": good}
    assert all(one.file_name not in one.label for one in found if one.file_name)


def test_ten_thousand_objects_are_seen_page_by_page(store: ObjectStore, opened: Open) -> None:
    from moto.s3.models import s3_backends

    backend = s3_backends["123456789012"]["aws"]
    for number in range(10_000):
        backend.put_object("bestanden", f"drop/alfa/99AB00/{number:05}.txt", b"x")
    folder = opened() / "alfa" / "99AB00"
    assert [one.name for one in storage.entries(folder, 20_000)] == [f"{number:05}.txt" for number in range(10_000)]


def test_a_missing_bucket_is_no_empty_folder(store: ObjectStore, opened: Open) -> None:
    folder = opened(bucket="niet-daar") / "alfa"
    for action in (
        lambda: storage.entries(folder, 10),
        lambda: storage.read(folder, "a", limit_bytes=10),
        lambda: storage.state(folder / "a"),
        lambda: storage.write(folder, "a", b"x", mode=0o644),
        lambda: storage.write_once(folder, "a", b"x"),
    ):
        with pytest.raises(OSError, match="bucket") as told:
            action()
        assert told.value.errno == errno.ENODEV
    with pytest.raises(OverstapError, match=r"INTAKE-001.*geen bucket met deze naam"):
        look(folder)
    with pytest.raises(OverstapError, match=r"INTAKE-047.*geen bucket"):
        applications.read_file(folder / "aanmeldingen.csv")
    assert FolderChannel(folder).hand_over(b"x", message_id=uuid4(), at=now()).problem is TransportProblem.STORAGE
    with pytest.raises(ChannelError):
        list(FolderChannel(folder).answers(set(), at=now()))


def test_who_has_no_rights_is_told_so(store: ObjectStore, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("drop/alfa/99AB00/a.xml", b"<dossier/>")
    folder = opened(key="someone", secret="else") / "alfa" / "99AB00"
    with monkeypatch.context() as strict:
        strict.setattr(moto.settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0)  # from here on the server asks who it is
        for action in (lambda: storage.entries(folder, 10), lambda: storage.write(folder, "b", b"x", mode=0o644)):
            with pytest.raises(PermissionError):
                action()
        with pytest.raises(OverstapError, match=r"INTAKE-001.*geen toegang"):
            look(folder)
        with pytest.raises(OverstapError, match=r"INTAKE-030.*geen toegang"):
            applications.read_file(folder / "aanmeldingen.csv")
    assert list(store.keys()) == ["drop/alfa/99AB00/a.xml"]


def test_half_an_object_is_no_object(store: ObjectStore, opened: Open) -> None:
    whole = os.urandom(200_000)
    store.put("drop/alfa/99AB00/a.xml", whole)
    with line(store.address) as laid:
        folder = opened(address=laid.address) / "alfa" / "99AB00"
        assert [one.data for one in look(folder)] == [whole]
        laid.cut_after = 100_000
        with pytest.raises(OverstapError, match="INTAKE-001"):  # the same request again, four times, and then told
            look(folder)
        laid.cut_after = None
        cat = folder.fs.cat_file
        folder.fs.cat_file = lambda key: cat(key)[:100_000]  # a store that says it gave all and did not
        [found] = look(folder)
    assert (found.code, found.facts["kind"]) == ("INTAKE-010", "EBADMSG")


def test_a_store_that_goes_down_in_the_middle_ends_the_collection(store: ObjectStore, opened: Open) -> None:
    for name in "abc":
        store.put(f"drop/alfa/99AB00/{name}.xml", b"<dossier/>")
    with line(store.address) as laid:
        folder = opened(address=laid.address) / "alfa" / "99AB00"
        found = scan(folder, now=now(), settle_seconds=5, label_key=KEY)
        assert next(found).data == b"<dossier/>"
        laid.is_down = True
        with pytest.raises(OverstapError, match=r"INTAKE-001.*antwoordt niet"):
            next(found)
        with pytest.raises(OverstapError, match=r"INTAKE-001"):
            look(folder)
        with pytest.raises(OverstapError, match=r"INTAKE-047"):
            applications.read_file(folder / "aanmeldingen.csv")
        channel = FolderChannel(folder)
        assert channel.hand_over(b"x", message_id=uuid4(), at=now()).problem is TransportProblem.STORAGE
        with pytest.raises(ChannelError):
            list(channel.answers(set(), at=now()))


def test_an_object_that_is_replaced_while_it_is_read_waits(store: ObjectStore, opened: Open) -> None:
    store.put("drop/alfa/99AB00/a.xml", b"<dossier/>")
    folder = opened() / "alfa" / "99AB00"
    cat = folder.fs.cat_file

    def replaced(key: str) -> bytes:
        store.put("drop/alfa/99AB00/a.xml", b"<dossier>longer</dossier>")
        return bytes(cat(key))

    folder.fs.cat_file = replaced
    with pytest.raises(UnreadError) as told:
        storage.read(folder, "a.xml", limit_bytes=100)
    assert told.value.why is Unread.CHANGED
    folder.fs.cat_file = cat
    assert storage.read(folder, "a.xml", limit_bytes=100).data == b"<dossier>longer</dossier>"


def test_a_school_collects_from_the_store_and_answers_there(store: ObjectStore, opened: Open) -> None:
    folder = opened("outbox") / "alfa" / "98XA00"
    channel = FolderChannel(folder)
    assert list(channel.answers(set(), at=now())) == []
    check_channel(KIND, channel, at=now())
    assert [name.rpartition(".")[0].rpartition(".")[2] for name in [*store.keys()]] == ["revocation"]
    identity, large = (message_id(now(), os.urandom(10)) for _ in range(2))
    assert channel.hand_over(b"sealed", message_id=identity, at=now()).is_offered
    assert store.keys()[f"outbox/alfa/98XA00/{identity}.cms"] == b"sealed"
    store.put(f"outbox/alfa/98XA00/{identity}.receipt.cms", b"receipt")
    store.put(f"outbox/alfa/98XA00/{large}.result.cms", bytes(MAX_BYTES + 1))
    [answer] = channel.answers({identity}, at=now())
    assert (answer.message_id, answer.kind, answer.content) == (identity, AnswerKind.RECEIPT, b"receipt")


def test_what_a_setting_may_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert place_of(str(tmp_path)) == tmp_path
    assert place_of("file:///srv/a%20b") == Path("/srv/a b")
    for wrong in ("ftp://somewhere/x", "s3:///drop"):
        with pytest.raises(OverstapError, match="SETTING-003"):
            place_of(wrong)
    with pytest.raises(OverstapError, match="SETTING-003"):
        storage.local_place("s3://bucket/drop")
    with pytest.raises(OverstapError, match="SETTING-004"):
        place_of("s3://niemand@bucket/drop")
    monkeypatch.setenv("AIRFLOW_CONN_VREEMD", '{"conn_type": "aws", "extra": {"role_arn": "arn:aws:iam::1:role/x"}}')
    with pytest.raises(OverstapError, match="SETTING-004"):
        place_of("s3://vreemd@bucket/drop")


def test_moments_are_the_store_s(store: ObjectStore, opened: Open) -> None:
    store.put("drop/a.xml", b"x")
    at = storage.read(opened(), "a.xml", limit_bytes=10).modified_at
    assert at.tzinfo is not None
    assert abs((datetime.now(UTC) - at).total_seconds()) < 60
