"""The key service: pages without a key work by it, and whoever takes them over gets what they need and no more."""

import contextlib
import io
import json
import logging
import os
import re
import shutil
import socket
import stat
import subprocess
import tempfile
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from families import REGION
from forked import popen
from school_service import School, school_service, signed_in

from overstap.doctor import Level, examine
from overstap.doctor.finding import Finding
from overstap.errors import OverstapError
from overstap.key_client import MAX_CONTENT_BYTES, KeyClient
from overstap.key_service.operations import PROOF_KIND, KeyOperations
from overstap.key_service.permissions import CLIENTS, is_access_key, kind_of
from overstap.ledger import Ledger
from overstap.ledger.region_keys import EncryptedContent, create_keys, destroy_key, load_keys
from overstap.settings import Settings
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.local.waiting import wait_until


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school"), is_forked=False) as made:
        yield made


@pytest.fixture
def taken_over(school: School) -> KeyClient:
    """What somebody has who runs code as the schools' pages: the socket."""
    return KeyClient(school.socket)


def test_the_process_of_the_pages_has_no_key(school: School) -> None:
    assert school.process is not None
    has = Path(f"/proc/{school.process.pid}/environ").read_text()
    assert "OVERSTAP_KEY_SERVICE=" in has
    assert "OVERSTAP_KEYS=" not in has
    assert "OVERSTAP_TRUST=" not in has


def test_a_proof_of_these_pages_is_verified_by_openssl(school: School, tmp_path: Path) -> None:
    client = signed_in(school)
    round_page = f"/ronde/{school.review_round.round_id}"
    pupil = re.search(rf"{round_page}/leerling/[0-9a-f-]+", client.get(round_page).text)
    assert pupil
    form = re.search(r'name="formulier" value="([^"]+)"', client.get(pupil[0]).text)
    assert form
    made = client.post(f"{pupil[0]}/bewijs", data={"formulier": form[1]})
    assert made.status_code == 200
    zipfile.ZipFile(io.BytesIO(made.content)).extractall(tmp_path)
    signatures = sorted(tmp_path.glob("*.p7s"))
    assert len(signatures) == 2
    for one in signatures:
        command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any", "-out", os.devnull]
        command += ["-in", str(one), "-content", str(one.with_suffix(""))]
        command += ["-CAfile", str(school.folder / "trust" / "ca" / "authorities.pem")]
        assert subprocess.run(command, capture_output=True).returncode == 0


def test_both_ways_of_having_keys_are_one(school: School) -> None:
    """What the service encrypts, whoever has the files decrypts, and the other way round."""
    by_file = load_keys(school.home.keys, REGION)
    by_service = Ledger(school.dsn, KeyClient(school.socket)).keys(REGION)
    access = str(uuid4())
    assert by_file.decrypt(by_service.encrypt(b"a view", "view/1"), "view/1") == b"a view"
    assert by_service.decrypt(by_file.encrypt(b"a view", "view/1"), "view/1") == b"a view"
    assert by_service.lookup("pupil", "999990019") == by_file.lookup("pupil", "999990019")
    assert by_service.derived(access) == by_file.derived(access)
    assert by_service.derived_key(f"{by_file.newest}~{access}") == by_file.derived_key(f"{by_file.newest}~{access}")
    assert by_service.derived_key(f"gone~{access}") is None
    assert by_service.newest == by_file.newest


@pytest.mark.parametrize(
    ("operation", "facts", "content"),
    [
        ("decrypt", {"bound_to": f"mail/{uuid4()}"}, b""),
        ("decrypt", {"bound_to": "contact_person/99AB00"}, b""),
        ("decrypt", {"bound_to": f"{uuid4()}"}, b""),
        ("decrypt", {"bound_to": f"{uuid4()}/1/2"}, b""),
        ("encrypt", {"bound_to": f"{uuid4()}/1"}, b"a dossier"),
        ("encrypt", {"bound_to": f"record/{uuid4()}/1"}, b"a record"),
        ("encrypt", {"bound_to": f"page/{uuid4()}"}, b"a delivery"),
        ("lookup", {"kind": "message"}, b"x"),
        ("derive", {"key_id": "{newest}~contacts"}, b""),
        ("derive", {"key_id": "{newest}"}, b""),
        ("derive", {"key_id": "{newest}~"}, b""),
        ("sign_proof", {}, b"a receipt"),
        ("sign_proof", {}, json.dumps({"kind": "overstap checkpoint"}).encode()),
        ("sign_proof", {}, json.dumps([{"kind": PROOF_KIND}]).encode()),
        ("sign_proof", {}, b"[" * 200_000),
        ("sign_proof", {}, b'{"kind":' * 200_000),
        ("derive", {"key_id": "{newest}\r\nX-Forged: 1~0b9c3f6e-2b06-4f0e-9a53-1c1d2e3f4a5b"}, b""),
        ("derive", {"key_id": "é~0b9c3f6e-2b06-4f0e-9a53-1c1d2e3f4a5b"}, b""),
        ("read_key", {}, b""),
        ("keys", {}, b""),
        ("permitted", {}, b""),
        ("", {}, b""),
    ],
)
def test_what_the_pages_never_need_is_refused(
    school: School, taken_over: KeyClient, operation: str, facts: dict[str, str], content: bytes
) -> None:
    keys = load_keys(school.home.keys, REGION)
    facts = {name: value.replace("{newest}", keys.newest) for name, value in facts.items()}
    if operation == "decrypt":  # what really was encrypted so
        sealed = keys.encrypt(b"not for these pages", facts["bound_to"])
        content, facts = sealed.data, {**facts, "key_id": sealed.key_id}
    if operation == "encrypt":
        facts["key_id"] = ""
    with pytest.raises(OverstapError) as refused:
        taken_over.ask(operation, content, region=REGION, **facts)
    assert refused.value.code == "KEYS-002"


@pytest.mark.parametrize(
    "region", ["../haaglanden", "", ".", "haaglanden/..", "nergens", "x" * 5_000, "Haaglanden", "٣", "haaglanden\n"]
)
def test_no_folder_beside_the_regions_is_read(taken_over: KeyClient, region: str) -> None:
    with pytest.raises(OverstapError) as refused:
        taken_over.ask("newest", region=region)
    assert refused.value.code == ("LEDGER-001" if region == "nergens" else "KEYS-002")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: keys\r\n\r\n",
        b"\x00\x00\x00\x02\x00\x00\x00\x00{}",
        b"POST /decrypt HTTP/1.1\r\nHost: keys\r\nContent-Length: 0\r\n\r\n",
        b"POST /decrypt?region=alfa&bound_to=view/1 HTTP/1.1\r\nHost: keys\r\nContent-Length: -1\r\n\r\n",
        b"POST /lookup?region=alfa&kind=pupil HTTP/1.1\r\nHost: keys\r\nContent-Length: 2\r\n\r\n\xff\xff",
        b"POST /../newest?region=alfa HTTP/1.1\r\nHost: keys\r\nContent-Length: 0\r\n\r\n",
        b"POST /newest?region=alfa&region=../alfa HTTP/1.1\r\nHost: keys\r\nContent-Length: 0\r\n\r\n",
        b"POST /newest HTTP/1.1\r\nHost: keys\r\nContent-Length: 9\r\n\r\nhalf",
    ],
)
def test_what_is_no_request_ends_that_connection_only(school: School, taken_over: KeyClient, sent: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(str(school.socket))
        stranger.sendall(sent)
        stranger.shutdown(socket.SHUT_WR)
        stranger.settimeout(60)
        answer = b""
        with contextlib.suppress(ConnectionResetError):  # it was closed with bytes that nobody read
            answer = stranger.recv(4096)
    assert not answer or answer.split()[1] in (b"400", b"403", b"404", b"405"), answer
    assert taken_over.ask("newest", region=REGION)[0]


def test_more_than_any_content_is_refused(taken_over: KeyClient) -> None:
    with pytest.raises(OverstapError) as refused:
        taken_over.ask("encrypt", b"\0" * (MAX_CONTENT_BYTES + 1), region=REGION, bound_to="view/1", key_id="")
    assert refused.value.code in ("KEYS-001", "KEYS-002")
    assert taken_over.ask("newest", region=REGION)[0]


def test_changed_bytes_are_told_as_by_a_key_in_a_file(school: School, taken_over: KeyClient) -> None:
    sealed = load_keys(school.home.keys, REGION).encrypt(b"a view", "view/1")
    keys = Ledger(school.dsn, taken_over).keys(REGION)
    for code, changed in {
        "LEDGER-003": EncryptedContent(sealed.key_id, sealed.data[:-1] + bytes([sealed.data[-1] ^ 1])),
        "LEDGER-002": EncryptedContent("1999", sealed.data),
        "LEDGER-014": EncryptedContent(sealed.key_id, b""),
    }.items():
        with pytest.raises(OverstapError) as failed:
            keys.decrypt(changed, "view/1")
        assert failed.value.code == code


def test_a_destroyed_key_is_gone_from_the_running_service(school: School, taken_over: KeyClient) -> None:
    """Destroying a key makes content unreadable, also for whoever asks a service that read the key before."""
    pages = Ledger(school.dsn, taken_over).keys(REGION)
    create_keys(school.home.keys, REGION, "zzz")
    assert taken_over.ask("newest", region=REGION)[0] == "zzz"
    sealed = pages.encrypt(b"a view", "view/1")
    assert sealed.key_id == "zzz"
    destroy_key(school.home.keys, REGION, "zzz")
    with pytest.raises(OverstapError) as gone:
        pages.decrypt(sealed, "view/1")
    assert gone.value.code == "LEDGER-002"
    assert taken_over.ask("newest", region=REGION)[0] != "zzz"
    assert len(pages.derived(str(uuid4()))[1]) == 32


def test_a_client_fills_no_memory_of_the_service(school: School, taken_over: KeyClient) -> None:
    """Sixty-four kilobytes that unpack to sixty-four megabytes, asked for by hundreds at once and not read."""
    school.kill_key_service()
    school.start_key_service()
    keys = load_keys(school.home.keys, REGION)
    sealed = keys.encrypt(b"\0" * (64 * 1024 * 1024), "view/1")
    query = f"region={REGION}&bound_to=view/1&key_id={sealed.key_id}"
    head = f"POST /decrypt?{query} HTTP/1.1\r\nHost: k\r\nContent-Length: {len(sealed.data)}\r\n\r\n".encode()
    large = f"POST /encrypt?{query} HTTP/1.1\r\nHost: k\r\nContent-Length: 60000000\r\n\r\n".encode()
    with contextlib.ExitStack() as open_ones:
        for number in range(60):
            one = open_ones.enter_context(socket.socket(socket.AF_UNIX))
            one.settimeout(0.5)
            one.connect(str(school.socket))
            with contextlib.suppress(OSError):
                one.sendall(head + sealed.data if number % 2 else large + b"\0" * 50_000_000)
        time.sleep(3)
        assert school.key_service is not None
        assert school.key_service.poll() is None
        status = Path(f"/proc/{school.key_service.pid}/status").read_text()
        most = int(re.search(r"VmHWM:\s+([0-9]+) kB", status)[1])  # type: ignore[index]
    assert most < 700_000
    assert taken_over.ask("newest", region=REGION)[0]


def test_the_log_repeats_no_word_of_a_client(school: School, taken_over: KeyClient) -> None:
    forged = "x\n2027-01-01 INFO school: decrypt alfa view: 1 999990019"
    for operation, facts in (
        (quote(forged), {}),
        ("lookup", {"kind": forged}),
        ("lookup", {"kind": "999990019"}),
        ("decrypt", {"bound_to": f"{forged}/1", "key_id": ""}),
    ):
        with pytest.raises(OverstapError):
            taken_over.ask(operation, b"", region=REGION, **facts)
    log = (school.folder / "keys.log").read_text()
    assert "2027-01-01" not in log
    assert "999990019" not in log


def test_what_is_refused_is_an_alarm_at_once_and_not_for_each(
    school: School, taken_over: KeyClient, tmp_path: Path
) -> None:
    """The first, the tenth, the hundredth within a minute: whoever took the pages over fills no log with alarms."""
    may = CLIENTS["school"]
    operations = KeyOperations("school", may, school.home.keys, None)
    lines: list[dict[str, object]] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(json.loads(record.getMessage()))  # type: ignore[method-assign]
    log = logging.getLogger("overstap.alarm")
    log.addHandler(handler)
    try:
        for _ in range(123):
            with pytest.raises(OverstapError, match="KEYS-002"):
                operations.answer({"operation": "lookup", "region": REGION, "kind": "message"}, b"999990019")
        operations.done = type(operations.done)()  # a minute later
        with pytest.raises(OverstapError, match="KEYS-002"):
            operations.answer({"operation": "decrypt", "region": "../alfa", "kind": "x"}, b"")
        operations.answer({"operation": "newest", "region": REGION}, b"")
    finally:
        log.removeHandler(handler)
    assert [one["overstap.failed"] for one in lines] == [1, 10, 100, 1]
    assert {one["event.action"] for one in lines} == {"key_refused"}
    assert {one["service.name"] for one in lines} == {"overstap-keys-school"}
    # By the service's own process, in the form that a SIEM reads
    with pytest.raises(OverstapError, match="KEYS-002"):
        taken_over.ask("lookup", b"999990019", region=REGION, kind="message")
    found = [
        json.loads(one[one.index("{") :])
        for one in (school.folder / "keys.log").read_text().splitlines()
        if "event.action" in one
    ]
    assert found
    assert {one["event.action"] for one in found} == {"key_refused"}
    assert {one["event.kind"] for one in found} == {"alert"}
    assert "999990019" not in json.dumps(found)


class _Meeting(Counter[tuple[str, str, str]]):
    """Counts that two requests look at in the same moment."""

    def __init__(self, both: threading.Barrier) -> None:
        super().__init__()
        self._both = both

    def items(self) -> Any:
        with contextlib.suppress(threading.BrokenBarrierError):
            self._both.wait(1)
        return super().items()


def test_two_refusals_at_once_do_not_silence_the_first_alarm(school: School, caplog: pytest.LogCaptureFixture) -> None:
    """Counted at once, both are the second; and only the first and the tenth are alarms."""
    operations = KeyOperations("school", CLIENTS["school"], school.home.keys, None)
    operations.done = _Meeting(threading.Barrier(2))
    with ThreadPoolExecutor(2) as pool, caplog.at_level(logging.WARNING, "overstap.alarm"):
        for one in [pool.submit(operations.note_refusal, "lookup") for _ in range(2)]:
            one.result()
    told = [json.loads(one.getMessage())["overstap.failed"] for one in caplog.records if one.name == "overstap.alarm"]
    assert told == [1]


def test_names_of_regions_that_are_not_there_fill_no_memory(tmp_path: Path) -> None:
    create_keys(tmp_path, "alfa", "1")
    board = KeyOperations("board", CLIENTS["board"], tmp_path, None)
    for number in range(2_000):
        with pytest.raises(OverstapError, match="LEDGER-001"):
            board.answer({"operation": "lookup", "region": f"x{number}", "kind": "pupil"}, b"999990019")
    assert board.answer({"operation": "lookup", "region": "alfa", "kind": "pupil"}, b"999990019")[1]
    assert set(board._looked_up) == {"alfa"}


@pytest.fixture
def beside(school: School, tmp_path: Path) -> Iterator[Path]:
    """Another service that serves one region, beside a client's folder in which something else stands."""
    folder = Path(tempfile.mkdtemp(prefix="keys-"))
    (folder / "desk").mkdir()
    (folder / "school" / "keys.sock").mkdir(parents=True)  # put there by whoever took the schools' pages over
    settings = {"OVERSTAP_KEYS": str(school.home.keys), "OVERSTAP_TRUST": str(school.folder / "trust")}
    command = ["-m", "overstap", "keys", "serve", str(folder), "--region", REGION]
    with (tmp_path / "log").open("wb") as out:
        process = popen(command, env=os.environ | settings, stdout=out, stderr=out)
    place = folder / "desk" / "keys.sock"
    try:
        wait_until(lambda: process.poll() is not None or place.exists(), "key service", 60)
        assert process.poll() is None, (tmp_path / "log").read_text()
        yield place
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


def test_a_desk_has_its_own_region_and_reads_to_compare(school: School, beside: Path) -> None:
    create_keys(school.home.keys, "elders", "1")
    desk, keys = KeyClient(beside), load_keys(school.home.keys, REGION)
    assert stat.S_IMODE(beside.stat().st_mode) == 0o600
    version = f"{uuid4()}/1"
    for bound_to in (version, f"record/{version}"):
        sealed = keys.encrypt(b"a dossier", bound_to)
        asked = {"region": REGION, "bound_to": bound_to, "key_id": sealed.key_id}
        assert desk.ask("decrypt", sealed.data, **asked)[1] == b"a dossier"
    assert desk.ask("lookup", b"999990019", region=REGION, kind="pupil")[1] == keys.lookup("pupil", "999990019")
    # A result of the test that comes to the desk is encrypted there, and cannot be read again
    result = f"test/{uuid4()}"
    _, sealed_result = desk.ask("encrypt", b"{}", region=REGION, bound_to=result, key_id="")
    assert keys.decrypt(EncryptedContent(keys.newest, sealed_result), result) == b"{}"
    assert desk.ask("lookup", b"{}", region=REGION, kind="test")[1] == keys.lookup("test", "{}")
    for operation, facts, content in (
        ("decrypt", {"region": REGION, "bound_to": result, "key_id": keys.newest}, sealed_result),
        ("newest", {"region": "elders"}, b""),
        ("lookup", {"region": "elders", "kind": "pupil"}, b"999990019"),
        ("decrypt", {"region": REGION, "bound_to": "view/1", "key_id": keys.newest}, b"x"),
        ("decrypt", {"region": REGION, "bound_to": "note/1", "key_id": keys.newest}, b"x"),
        ("encrypt", {"region": REGION, "bound_to": version, "key_id": ""}, b"another dossier"),
        ("encrypt", {"region": REGION, "bound_to": f"record/{version}", "key_id": ""}, b"{}"),
        ("derive", {"region": REGION, "key_id": f"{keys.newest}~{uuid4()}"}, b""),
        ("sign_proof", {"region": REGION}, b"%PDF-1.7"),
        ("signer", {"region": REGION}, b""),
    ):
        with pytest.raises(OverstapError) as refused:
            desk.ask(operation, content, **facts)
        assert refused.value.code == "KEYS-002", operation


def test_doctor_tells_what_the_service_holds_and_who_may_ask_it(school: School, tmp_path: Path) -> None:
    settings = Settings(key_sockets=school.sockets, keys=school.home.keys)

    def found() -> dict[str, Finding]:
        return {one.subject: one for one in examine(settings, ["keys"])}

    newest = load_keys(school.home.keys, REGION).newest
    told = found()[f"key service school, {REGION}"]
    assert told.level is Level.GOOD
    assert told.says.endswith(f"the newest is {newest}")
    school.socket.chmod(0o666)
    assert found()["key service school"].level is Level.WRONG
    assert "others on this machine" in found()["key service school"].says
    school.socket.chmod(0o600)
    school.kill_key_service()
    assert "KEYS-001" in found()["key service school"].says
    school.socket.unlink()
    assert "does not run" in found()["key service school"].says
    school.start_key_service()
    other = tmp_path / "keys"
    create_keys(other, REGION, "of another installation")
    apart = {one.subject: one for one in examine(Settings(key_sockets=school.sockets, keys=other), ["keys"])}
    assert apart[f"key service school, {REGION}"].level is Level.WRONG
    assert examine(Settings(), ["keys"]).__next__().level is Level.UNSEEN


def test_many_at_once_and_a_large_one(school: School, taken_over: KeyClient) -> None:
    keys = Ledger(school.dsn, taken_over).keys(REGION)
    large = os.urandom(30 * 1024 * 1024)
    sealed = keys.encrypt(large, "typed_file/1")
    assert keys.decrypt(sealed, "typed_file/1") == large
    with ThreadPoolExecutor(100) as pool:  # more than there are places
        read = list(pool.map(lambda n: keys.decrypt(keys.encrypt(b"%d" % n, f"view/{n}"), f"view/{n}"), range(400)))
    assert read == [b"%d" % n for n in range(400)]


def test_the_log_counts_and_names_nobody(school: School, taken_over: KeyClient) -> None:
    with pytest.raises(OverstapError):
        taken_over.ask("lookup", b"999990019", region=REGION, kind="message")
    assert school.key_service is not None
    school.key_service.terminate()
    assert school.key_service.wait() == 0
    school.start_key_service()
    log = (school.folder / "keys.log").read_text()
    assert "school: refused" in log
    assert "KEYS-002" in log
    assert "999990019" not in log


def test_pages_say_so_while_the_service_is_away_and_go_on_by_themselves(school: School) -> None:
    client = signed_in(school)
    page = f"/ronde/{school.review_round.round_id}"
    assert client.get(page).status_code == 200
    school.kill_key_service()
    away = client.get(page)
    assert away.status_code == 503
    assert away.headers["Retry-After"] == "60"
    school.start_key_service()
    assert client.get(page).status_code == 200


def test_kinds_are_told_by_what_content_is_bound_to() -> None:
    assert kind_of("0b9c3f6e-2b06-4f0e-9a53-1c1d2e3f4a5b/12") == "dossier"
    assert kind_of("0b9c3f6e-2b06-4f0e-9a53-1c1d2e3f4a5b/x") != "dossier"
    assert kind_of("record/0b9c3f6e-2b06-4f0e-9a53-1c1d2e3f4a5b/12") == "record"
    assert is_access_key("2026-11~0b9c3f6e-2b06-4f0e-9a53-1c1d2e3f4a5b")
    assert not is_access_key("2026-11~contacts")
    assert not is_access_key("2026-11~0b9c3f6e-2b06-4f0e-9a53-1c1d2e3f4a5b\n")


def test_no_client_decrypts_mails_and_contact_with_schools() -> None:
    for may in CLIENTS.values():
        assert not {one for one in may.decrypts if one == "mail" or one.startswith(("contact", "message"))}
