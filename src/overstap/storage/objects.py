"""Files in an object store, through the file system (fsspec) of an `ObjectStoragePath`.

A store shows an object whole or not at all, so nothing is renamed and nothing has to settle. The library's exceptions
become `OSError`s with the number that the same fault of a disk has; their messages, which name objects and so perhaps
pupils, are dropped.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from overstap.storage.place import Entry, ObjectPath, Stored, Unread, UnreadError

_CLIENTS = ("aiobotocore", "aiohttp", "asyncio", "botocore", "fsspec", "s3fs", "urllib3")
"""Libraries whose exceptions mean that the store does not answer as it should; any other is a fault of ours."""
_NO_CREDENTIALS = ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError")
_NUMBERED = ((PermissionError, errno.EACCES), (FileExistsError, errno.EEXIST), (TimeoutError, errno.ETIMEDOUT))


def entries(folder: ObjectPath, limit: int) -> list[Entry]:
    """Return the names in a folder; see `use.entries`."""
    here = folder.path.rstrip("/")
    try:
        with _as_os_errors():
            found: list[dict[str, Any]] = folder.fs.ls(here, detail=True)
    except FileNotFoundError:
        _need_bucket(folder)
        return []
    names = {}
    for one in found:
        name = str(one["name"]).removeprefix(f"{here}/").rstrip("/")
        # The mark that some tools leave for a folder is an object with the folder's own name
        if name and str(one["name"]).rstrip("/") != here:
            names[name] = None if one["type"] == "file" else Unread.SPECIAL
    return [Entry(name, names[name]) for name in sorted(names)[: limit + 1]]


def read(folder: ObjectPath, name: str, limit_bytes: int) -> Stored:
    """Read an object; see `use.read`."""
    key = _key(folder, name)
    before = _info(folder, key)
    if before["size"] > limit_bytes:
        raise UnreadError(Unread.TOO_LARGE, before["size"])
    try:
        with _as_os_errors():
            data: bytes = folder.fs.cat_file(key)
    except FileNotFoundError:
        raise _missing(folder) from None
    if len(data) != before["size"]:
        if _version(_info(folder, key)) != _version(before):
            raise UnreadError(Unread.CHANGED)
        raise OSError(errno.EBADMSG, "the object did not arrive whole")
    return Stored(data, _changed_at(before))


def state(place: ObjectPath) -> tuple[int, float]:
    """Return size and moment of an object; see `use.state`."""
    found = _info(place, place.path)
    return found["size"], _changed_at(found).timestamp()


def write(folder: ObjectPath, name: str, data: bytes, *, is_new: bool = False) -> ObjectPath:
    """Put an object; see `use.write`. `is_new`: refuse when it is there."""
    key = _key(folder, name)
    if is_new and _is_there(folder, key):  # for stores that do not know the condition of `create`
        raise FileExistsError(errno.EEXIST, "the object is there")
    try:
        with _as_os_errors():
            folder.fs.pipe_file(key, data, mode="create" if is_new else "overwrite")
    except FileNotFoundError:
        raise _missing_bucket() from None
    except OSError:
        if is_new and _is_there(folder, key):
            raise FileExistsError(errno.EEXIST, "the object is there") from None
        raise
    return folder / name


def remove(folder: ObjectPath, name: str) -> None:
    """Remove an object; see `use.remove`."""
    try:
        with _as_os_errors():
            folder.fs.rm_file(_key(folder, name))
    except FileNotFoundError:
        _need_bucket(folder)


def _key(folder: ObjectPath, name: str) -> str:
    # Not by joining paths: a name from outside may have characters that mean something there
    return f"{folder.path.rstrip('/')}/{name}"


def _info(place: ObjectPath, key: str) -> dict[str, Any]:
    try:
        with _as_os_errors():
            found: dict[str, Any] = place.fs.info(key)
    except FileNotFoundError:
        raise _missing(place) from None
    if found["type"] != "file":
        raise UnreadError(Unread.SPECIAL)
    return found


def _is_there(folder: ObjectPath, key: str) -> bool:
    try:
        _info(folder, key)
    except FileNotFoundError:
        return False
    return True


def _version(found: dict[str, Any]) -> tuple[Any, ...]:
    return found["size"], found.get("ETag"), found.get("LastModified")


def _changed_at(found: dict[str, Any]) -> datetime:
    at = found.get("LastModified") or found.get("created")
    return at if isinstance(at, datetime) else datetime.fromtimestamp(0, UTC)


def _need_bucket(place: ObjectPath) -> None:
    """Tell a folder without objects from a bucket that is not there: both are 'not found'."""
    try:
        with _as_os_errors():
            place.fs.info(place.path.split("/", 1)[0])
    except FileNotFoundError:
        raise _missing_bucket() from None


def _missing(place: ObjectPath) -> OSError:
    _need_bucket(place)
    return FileNotFoundError(errno.ENOENT, "there is no such object")


def _missing_bucket() -> OSError:
    return OSError(errno.ENODEV, "there is no such bucket")


@contextmanager
def _as_os_errors() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(errno.ENOENT, "not found") from None
    except OSError as problem:
        number = next((number for kind, number in _NUMBERED if isinstance(problem, kind)), problem.errno)
        raise OSError(number or errno.EHOSTDOWN, type(problem).__name__) from None
    except Exception as problem:
        kind = type(problem)
        if not kind.__module__.startswith(_CLIENTS):
            raise
        number = errno.EACCES if kind.__name__ in _NO_CREDENTIALS else errno.EHOSTDOWN
        raise OSError(number, kind.__name__) from None
