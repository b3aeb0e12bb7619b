"""Test that the part of the api-server for tasks is asked once, as soon as there is a server."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from overstap.orchestration import first_request
from overstap_tools.local import ports


@pytest.mark.parametrize("by", ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "AIRFLOW__API__BASE_URL"])
def test_it_is_asked_when_the_server_is_there(by: str, airflow_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            # More than it sends: what is answered is not read
            self.send_header("Content-Length", "1000000000000")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    port = ports.any_free()
    monkeypatch.delenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", raising=False)
    monkeypatch.setenv(by, f"http://127.0.0.1:{port}" + ("/execution/" if "EXECUTION" in by else ""))
    monkeypatch.setattr(first_request, "_POLL_SECONDS", 0.05)
    asking = first_request.begin()
    asking.join(0.2)
    assert asking.is_alive(), "it goes on asking while nobody answers"
    with HTTPServer(("127.0.0.1", port), Server) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        asking.join(60)
        server.shutdown()
        serving.join()
    assert not asking.is_alive()
    assert asked == ["/execution/health"]


def test_an_address_that_is_none_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_request, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(first_request, "_PATIENCE_SECONDS", 1.0)
    for address in ("http://[::1/execution/health", "execution/health", "file:///etc/passwd"):
        first_request._ask(address)
