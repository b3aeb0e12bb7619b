"""An S3 server that nobody here wrote (moto), and a line to it that can be cut."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import boto3
import httpx
from moto.server import ThreadedMotoServer

KEY, SECRET = "overstap-key", "overstap-secret"
BUCKET = "bestanden"


@dataclass
class ObjectStore:
    """A running server.

    Args:
        address: its URL.
        client: a client with all rights (boto3), which is not ours either.
    """

    address: str
    server: ThreadedMotoServer
    client: Any

    def put(self, key: str, content: bytes, bucket: str = BUCKET) -> None:
        """Put an object, as a school's own program would."""
        self.client.put_object(Bucket=bucket, Key=key, Body=content)

    def keys(self) -> dict[str, bytes]:
        """Return all objects."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        names = [one["Key"] for page in pages for one in page.get("Contents", [])]
        return {name: self.client.get_object(Bucket=BUCKET, Key=name)["Body"].read() for name in names}


def connection(address: str, *, key: str = KEY, secret: str = SECRET) -> str:
    """Return an Airflow connection to a server, as an environment variable has it."""
    extra = {"endpoint_url": address, "region_name": "eu-west-1"}
    return json.dumps({"conn_type": "aws", "login": key, "password": secret, "extra": extra})


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """Run a server with one empty bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=address, aws_access_key_id=KEY, aws_secret_access_key=SECRET, region_name="eu-west-1"
    )
    httpx.post(f"{address}/moto-api/reset", trust_env=False).raise_for_status()  # what an earlier one had is kept
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    try:
        yield ObjectStore(address, server, client)
    finally:
        with suppress(Exception):
            server.stop()


@dataclass
class Line:
    """A line to a server, through which every byte goes.

    Args:
        to: host and port of the server.
        cut_after: answers are cut after so many bytes; None: they are whole.
    """

    to: tuple[str, int]
    cut_after: int | None = None
    is_down: bool = False
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def address(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        """Take connections until the listener is closed."""
        with suppress(OSError):
            while True:
                taken, _ = self.listener.accept()
                if self.is_down:
                    taken.close()
                    continue
                threading.Thread(target=self._carry, args=(taken,), daemon=True).start()

    def _carry(self, taken: socket.socket) -> None:
        try:
            self._answer(taken)
        finally:
            with suppress(OSError):  # closing alone does not end it while the other thread waits for its bytes
                taken.shutdown(socket.SHUT_RDWR)
            taken.close()

    def _answer(self, taken: socket.socket) -> None:
        with suppress(OSError), socket.create_connection(self.to) as there:
            threading.Thread(target=_copy, args=(taken, there), daemon=True).start()
            left = self.cut_after
            while part := there.recv(4096):
                if self.is_down:
                    return
                if left is not None:
                    part = part[:left]
                    left -= len(part)
                taken.sendall(part)
                if left == 0:
                    return


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)


@contextmanager
def line(address: str) -> Iterator[Line]:
    """Lay a line to a server."""
    host, _, port = address.removeprefix("http://").partition(":")
    laid = Line((host, int(port)))
    threading.Thread(target=laid.serve, daemon=True).start()
    try:
        yield laid
    finally:
        laid.listener.close()
