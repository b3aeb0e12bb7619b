"""One question over plain HTTP, as OCSP has it (RFC 6960 appendix A): small, and over by its deadline.

What comes back is signed, so the way needs no protection; but whoever stands on the way must not hold anybody up.
"""

import http.client
import io
import socket
import time
from urllib.parse import urlsplit

_SECONDS = 8.0
_MOST_BYTES = 64 * 1024


class _Read:
    """What was read, in the form of a socket that http.client wants."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def post(url: str, body: bytes, *, kind: str, answer: str, seconds: float = _SECONDS) -> bytes:
    """Post a body and return the body that comes back.

    Args:
        url: `http://host[:port]/path`; another scheme is refused.
        body: what is sent.
        kind: its media type.
        answer: the media type that must come back.
        seconds: from beginning to end.

    Raises:
        OSError: no answer, another status or media type, too late or too large.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise OSError("not an address over plain HTTP")
    ends = time.monotonic() + seconds
    host = parts.netloc.rpartition("@")[2]
    head = f"POST {parts.path or '/'} HTTP/1.0\r\nHost: {host}\r\nContent-Type: {kind}\r\nAccept: {answer}\r\n"
    head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    try:
        address = (parts.hostname, parts.port or 80)
    except ValueError as problem:
        raise OSError("not an address over plain HTTP") from problem
    with socket.create_connection(address, timeout=seconds) as line:
        line.sendall(head.encode("ascii", "strict") + body)
        data = b""
        while True:
            left = ends - time.monotonic()
            if left <= 0:
                raise TimeoutError("no answer in time")
            line.settimeout(left)
            part = line.recv(_MOST_BYTES)
            if not part:
                break
            data += part
            if len(data) > _MOST_BYTES:
                raise OSError("the answer is too large")
    response = http.client.HTTPResponse(_Read(data))  # type: ignore[arg-type]  # only makefile is asked for
    try:
        response.begin()
        content = response.read()
    except (http.client.HTTPException, ValueError) as problem:
        raise OSError("the answer is not HTTP") from problem
    if response.status != http.client.OK or response.headers.get_content_type() != answer:
        raise OSError(f"the answer has status {response.status} and type {response.headers.get_content_type()}")
    return content
