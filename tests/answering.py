"""A server that answers as Prometheus' HTTP API does, with whatever a test wants; for pages of metrics."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

Found = list[tuple[dict[str, str], str]]
"""Labels and the value, as Prometheus writes it."""
Answers = Callable[[str], Found]
"""Return what a query finds."""


@contextmanager
def answering(answers: Answers, asked: list[tuple[str, dict[str, str]]] | None = None) -> Iterator[str]:
    """Serve until the end; yields the address.

    Args:
        answers: what each query finds; over a period the value is the same throughout.
        asked: every path with its parameters is added to it.
    """

    def respond(path: str, given: dict[str, str]) -> tuple[int, bytes]:
        if asked is not None:
            asked.append((path, given))
        found = answers(given["query"])
        if path == "/api/v1/query":
            result = [{"metric": labels, "value": [float(given["time"]), value]} for labels, value in found]
            data = {"resultType": "vector", "result": result}
        else:
            first, last, step = (float(given[name]) for name in ("start", "end", "step"))
            moments = [first + step * place for place in range(int((last - first) / step) + 1)]
            result = [{"metric": labels, "values": [[at, value] for at in moments]} for labels, value in found]
            data = {"resultType": "matrix", "result": result}
        return 200, json.dumps({"status": "success", "data": data}).encode()

    with replying(respond) as address:
        yield address


@contextmanager
def replying(respond: Callable[[str, dict[str, str]], tuple[int, bytes]]) -> Iterator[str]:
    """Serve until the end, with a status and a body for each path and its parameters; yields the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            status, body = respond(parts.path, {name: some[0] for name, some in parse_qs(parts.query).items()})
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
