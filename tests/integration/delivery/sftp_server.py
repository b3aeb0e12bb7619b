"""SFTP server on loopback over a real folder, with the status codes of various servers for missing files."""

import os
import socket
import threading
from pathlib import Path
from typing import Any

import paramiko
from paramiko import SFTPAttributes, SFTPHandle, SFTPServer, SFTPServerInterface

from overstap.delivery.channels.sftp import Sftp


class _Server(paramiko.ServerInterface):
    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return paramiko.AUTH_SUCCESSFUL

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


def files_of(root: Path, absent: int, *, has_posix_rename: bool) -> type[SFTPServerInterface]:
    """Return the files of a server that answers `absent` about what is not there."""

    def said(error: OSError) -> int:
        return absent if isinstance(error, FileNotFoundError) else SFTPServer.convert_errno(error.errno or 0)

    class Handle(SFTPHandle):
        def stat(self) -> Any:
            return SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))

    class Files(SFTPServerInterface):
        def _real(self, path: str) -> Path:
            return root / path.lstrip("/")

        def list_folder(self, path: str) -> Any:
            try:
                found = []
                for one in self._real(path).iterdir():
                    attributes = SFTPAttributes.from_stat(one.lstat())
                    attributes.filename = one.name
                    found.append(attributes)
                return found
            except OSError as error:
                return said(error)

        def stat(self, path: str) -> Any:
            try:
                return SFTPAttributes.from_stat(self._real(path).stat())
            except OSError as error:
                return said(error)

        def lstat(self, path: str) -> Any:
            try:
                return SFTPAttributes.from_stat(self._real(path).lstat())
            except OSError as error:
                return said(error)

        def open(self, path: str, flags: int, attr: SFTPAttributes) -> Any:
            try:
                descriptor = os.open(self._real(path), flags, 0o600)
                file = os.fdopen(descriptor, "wb" if flags & (os.O_WRONLY | os.O_RDWR) else "rb", buffering=0)
            except OSError as error:
                return said(error)
            handle = Handle(flags)
            handle.filename, handle.readfile, handle.writefile = path, file, file
            return handle

        def remove(self, path: str) -> int:
            try:
                self._real(path).unlink()
            except OSError as error:
                return said(error)
            return paramiko.SFTP_OK

        def rename(self, oldpath: str, newpath: str) -> int:
            if self._real(newpath).exists():
                return paramiko.SFTP_FAILURE  # as version 3 of the protocol has it
            try:
                self._real(oldpath).rename(self._real(newpath))
            except OSError as error:
                return said(error)
            return paramiko.SFTP_OK

        def posix_rename(self, oldpath: str, newpath: str) -> int:
            if not has_posix_rename:
                return paramiko.SFTP_OP_UNSUPPORTED
            try:
                self._real(oldpath).replace(self._real(newpath))
            except OSError as error:
                return said(error)
            return paramiko.SFTP_OK

    return Files


class Running:
    """A server in threads.

    Args:
        root: the folder that its account sees.
        absent: its answer about what is not there.
        has_posix_rename: it can rename over a name that is taken.
    """

    def __init__(self, root: Path, absent: int, *, has_posix_rename: bool) -> None:
        self._files = files_of(root, absent, has_posix_rename=has_posix_rename)
        self._key = paramiko.ECDSAKey.generate()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._transports: list[paramiko.Transport] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def place(self, folder: str) -> Sftp:
        """Return what an agreement says of it."""
        host, port = self._listener.getsockname()
        key = f"{self._key.get_name()} {self._key.get_base64()}"
        return Sftp(way="sftp", host=host, port=port, user="us", folder=folder, host_key=key)

    def stop(self) -> None:
        """End it."""
        self._listener.close()
        for one in self._transports:
            one.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(self._key)
            transport.set_subsystem_handler("sftp", SFTPServer, self._files)
            self._transports.append(transport)
            transport.start_server(server=_Server(), event=threading.Event())
