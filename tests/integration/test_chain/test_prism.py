"""Against a reference server that nobody here wrote: Stoplight Prism, which has the description alone to go by.

As a supplier it judges what the client sends, and gives each answer that is described. As a proxy between a supplier
and the endpoint it judges both directions. nginx stands before it for mutual TLS, which Prism does not have.
"""

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import doorstroomtoets
import httpx
import pytest
from owned import by_owner

from overstap.clock import now
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.dossiers import test_registrations
from overstap.pki import TrustStore
from overstap.test_chain.client import ADVICES, REGISTER, SupplierClient
from overstap.test_chain.endpoint import RESULTS
from overstap.test_chain.messages import advices_message
from overstap.test_chain.registering import Registrar

from .conftest import REGION, SCHOOL, SUPPLIER, WAITS, YEAR, agreement
from .test_results import PARTIES, known, result

_CODES = (202, 401, 403, 405, 422)


def program(variable: str, name: str) -> str:
    """Return a program that an environment variable names, or that is on the path; skip where there is none."""
    found = os.environ.get(variable) or shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if not found or not Path(found).is_file():
        pytest.skip(f"{name} is not here: set {variable}, or put it on the path (docs/doorstroomtoets.md)")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(*words: str, port: int, log: Path) -> Iterator[None]:
    """Run a program until a port is open, and end it afterwards."""
    with log.open("wb") as out:
        process = subprocess.Popen(words, stdout=out, stderr=subprocess.STDOUT)
        try:
            for _ in range(WAITS * 20):
                if process.poll() is not None:
                    raise AssertionError(f"{words[0]} ended: {log.read_text(encoding='utf-8')[-2000:]}")
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    threading.Event().wait(0.05)
            else:
                raise AssertionError(f"{words[0]} did not start: {log.read_text(encoding='utf-8')[-2000:]}")
            yield
        finally:
            process.terminate()
            process.wait(WAITS)


@contextmanager
def prism(mode: str, *more: str, folder: Path) -> Iterator[int]:
    """Run Prism on the description, and yield its port."""
    found, port = program("OVERSTAP_PRISM", "prism"), free_port()
    words = (found, mode, str(doorstroomtoets.path()), *more, "--errors", "-p", str(port))
    with started(*words, port=port, log=folder / f"prism_{mode}.log"):
        yield port


@contextmanager
def nginx(servers: str, *, port: int, folder: Path) -> Iterator[None]:
    """Run nginx with these servers."""
    found = program("OVERSTAP_NGINX", "nginx")
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = (
        f"daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log; "
        f"events {{}} http {{ access_log off; {paths} {servers} }}"
    )
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    words = (found, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf"))
    with started(*words, port=port, log=folder / "nginx.log"):
        yield


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, trust_folder: Path, trust: TrustStore) -> Iterator[str]:
    """Prism as the supplier, behind mutual TLS; `<address>/<code>` asks it for that answer."""
    folder, port = tmp_path_factory.mktemp("prism"), free_port()
    own = trust_folder / "conductor" / SUPPLIER
    with prism("mock", folder=folder) as behind:
        codes = "".join(
            f'location /{code}/ {{ proxy_set_header Prefer "code={code}"; proxy_pass http://127.0.0.1:{behind}/; }}'
            for code in (*_CODES, 200, 204, 404)
        )
        servers = (
            f"server {{ listen 127.0.0.1:{port} ssl; "
            f"ssl_certificate {own}/tls-1.crt; ssl_certificate_key {own}/tls-1.key; "
            f"ssl_client_certificate {trust.authorities_file(at=now())}; ssl_verify_client on; ssl_verify_depth 3; "
            f"location / {{ proxy_pass http://127.0.0.1:{behind}; }} {codes} }}"
        )
        with nginx(servers, port=port, folder=folder):
            yield f"https://127.0.0.1:{port}"


@pytest.fixture
def pointed(opened: Ledger, reference: str, registrar: Registrar) -> Callable[[str], Registrar]:
    """Give the supplier of the agreement in force another address."""

    def point(url: str) -> Registrar:
        by_owner(
            opened,
            "update overstap.round_agreement set agreement = jsonb_set(agreement, '{test_suppliers,0,url}', "
            "to_jsonb(%(url)s::text))",
            url=url,
        )
        return registrar

    return point


def test_prism_takes_what_is_registered(pointed: Callable[[str], Registrar], reference: str, opened: Ledger) -> None:
    assert pointed(reference).register(SCHOOL).sent == 3
    with opened.unit(REGION, "test") as unit:
        assert all(one.taken_digest for one in test_registrations.known(unit, YEAR))


@pytest.mark.parametrize(
    ("code", "error"), [(401, "TESTS-003"), (403, "TESTS-004"), (405, "TESTS-005"), (422, "TESTS-006")]
)
def test_prism_gives_each_answer_that_is_described(
    pointed: Callable[[str], Registrar], reference: str, code: int, error: str
) -> None:
    with pytest.raises(OverstapError, match=error):
        pointed(f"{reference}/{code}").register(SCHOOL)
    assert pointed(f"{reference}/202").register(SCHOOL).sent == 3


def client(trust: TrustStore, url: str) -> SupplierClient:
    supplier = agreement(url).test_suppliers[0]
    return SupplierClient(supplier, supplier.mandates[0], region=REGION, trust=trust, now=now, wait=lambda _: None)


def test_prism_takes_advices_and_refuses_what_is_not_described(trust: TrustStore, reference: str) -> None:
    mandate = agreement().test_suppliers[0].mandates[0]
    good = advices_message(mandate, YEAR, {uuid4(): "HAVO_TM_VWO", uuid4(): "VMBO_GL/TL"}, now())
    with client(trust, reference) as line:
        assert line.send(ADVICES, good).refused is None
        # Prism judges: without this it would say 202 to anything
        for spoilt in (
            good.replace(b"HAVO_TM_VWO", b"HAVO/VWO"),
            good.replace(b"Doorstroomtoetsketen_v1.1", b"Doorstroomtoetsketen_v1.0"),
            good.replace(b'"LAS-key"', b'"BSN"'),
            b"{}",
        ):
            assert line.send(ADVICES, spoilt).refused == "TESTS-006"
        assert line.send(REGISTER, good).refused == "TESTS-006"
    for code, error in ((401, "TESTS-003"), (403, "TESTS-004"), (405, "TESTS-005"), (422, "TESTS-006")):
        with client(trust, f"{reference}/{code}") as line:
            assert line.send(ADVICES, good).refused == error


def test_a_key_of_another_length_is_refused_by_prism(trust: TrustStore, reference: str) -> None:
    supplier = agreement(reference).test_suppliers[0]
    short = supplier.mandates[0].model_copy(update={"routing_key": "0000000700099AB"})
    content = advices_message(short, YEAR, {}, now())
    with SupplierClient(supplier, short, region=REGION, trust=trust, now=now, wait=lambda _: None) as line:
        assert line.send(ADVICES, content).refused == "TESTS-006"


def test_both_directions_of_results_pass_prism(
    endpoint: int, keys: list[str], opened: Ledger, trust_folder: Path, tmp_path: Path
) -> None:
    own, port = trust_folder / "conductor" / SUPPLIER, free_port()
    servers = (
        f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_http_version 1.1; "
        f"proxy_ssl_certificate {own}/tls-1.crt; proxy_ssl_certificate_key {own}/tls-1.key; "
        f"proxy_pass https://127.0.0.1:{endpoint}{RESULTS.removesuffix('/leerlingresultaat')}/; }} }}"
    )
    with ExitStack() as stack:
        stack.enter_context(nginx(servers, port=port, folder=tmp_path))
        between = stack.enter_context(prism("proxy", f"http://127.0.0.1:{port}", folder=tmp_path))
        line = stack.enter_context(httpx.Client(trust_env=False, timeout=WAITS))

        def push(said: dict[str, Any], parties: dict[str, str] = PARTIES) -> httpx.Response:
            return line.post(f"http://127.0.0.1:{between}/leerlingresultaat", params=parties, json=said)

        seen = [
            push(result(keys[0])),
            push(result(keys[0]), {**PARTIES, "edu-from": "0000000700099AC00000"}),
            push(result(keys[0]), {**PARTIES, "edu-to": "0000000700099AZ00900"}),
            push(result("onbekend")),
            push(result(keys[1], "onbekend")),
        ]
        assert [one.status_code for one in seen] == [202, 401, 405, 422, 422]
        assert all("sl-violations" not in one.headers for one in seen)
        assert all(list(one.json()) == ["melding"] for one in seen), "our answers, not those of Prism"
        missing = result(keys[1])
        del missing["toets"]
        assert "type" in push(missing).json(), "Prism judges: it does not pass this one on"
    assert list(known(opened).values()) == ["havo"]
