"""A server of raw bytes, for answers that no library would give."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def raw_server(answer: Callable[[bytes], Iterator[bytes]]) -> Iterator[str]:
    """Serve what `answer` makes of a request, piece by piece, until the caller goes away; give the address.

    Args:
        answer: gets the first bytes of the request.
    """
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:  # closed: the test is over
                return
            threading.Thread(target=speak, args=(connection,), daemon=True).start()

    def speak(connection: socket.socket) -> None:
        with connection:
            try:
                for piece in answer(connection.recv(65_536)):
                    connection.sendall(piece)
            except OSError:  # the caller went away
                return

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
