"""The key service: pages without a key work by it, and whoever takes them over gets what they need and no more."""

import contextlib
import io
import json
import os
import re
import socket
import subprocess
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from families import REGION
from school_service import School, school_service, signed_in

from overstap.errors import OverstapError
from overstap.key_client import MAX_CONTENT_BYTES, KeyClient
from overstap.key_service.operations import PROOF_KIND
from overstap.key_service.permissions import CLIENTS, is_access_key, kind_of
from overstap.ledger import Ledger
from overstap.ledger.region_keys import EncryptedContent, load_keys
from overstap_tools.local.postgres import EmbeddedPostgres


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
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
        ("read_key", {}, b""),
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


@pytest.mark.parametrize("region", ["../haaglanden", "", ".", "haaglanden/..", "nergens"])
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
