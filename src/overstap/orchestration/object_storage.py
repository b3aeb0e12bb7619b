"""Places in an object store, as Airflow's `ObjectStoragePath`, with the login of an Airflow connection."""

from typing import Any
from urllib.parse import urlsplit

from overstap.errors import OverstapError
from overstap.storage import Place, is_remote, local_place

_EXTRAS = {"endpoint_url", "region_name", "verify", "aws_session_token"}
"""Fields of a connection's `extra` that are used, by their names in Airflow's own connections to AWS."""

_TRIES = 4
_PATIENCE = {"connect_timeout": 10, "read_timeout": 60, "retries": {"total_max_attempts": 1}}
"""One request is tried four times within seconds (s3fs), not five times that by the library below it: the task that
fails is tried again by itself."""


def place_of(location: str) -> Place:
    """Return the place that a setting names: a folder on disk, or `s3://connection@bucket/prefix`.

    Args:
        location: value of a setting such as OVERSTAP_DROP. The connection may be left out: then the login is what the
            surroundings give, such as the account of a machine.

    Raises:
        OverstapError: SETTING-002 without the extra `s3`; SETTING-003 for another kind of store; SETTING-004 when the
            connection is missing or says what is not understood.
    """
    if not is_remote(location):
        return local_place(location)
    said = urlsplit(location)
    if said.scheme != "s3" or not said.hostname:
        raise OverstapError("SETTING-003", scheme=said.scheme)
    from airflow.sdk import ObjectStoragePath  # imported here: a command that works on a folder needs no Airflow
    from airflow.sdk.io import attach

    connection = said.username
    attach("s3", connection, fs=_s3(connection))
    place: Place = ObjectStoragePath(location)
    return place


def _s3(connection: str | None) -> Any:
    try:
        from s3fs import S3FileSystem
    except ImportError:
        raise OverstapError("SETTING-002", package="s3fs", extra="s3") from None
    login = _login(connection) if connection else {}
    # No listing is kept, since others write there; and a whole object is one request: in parts it could be a mixture
    store = S3FileSystem(
        **login, use_listings_cache=False, max_concurrency=1, skip_instance_cache=True, config_kwargs=_PATIENCE
    )
    store.retries = _TRIES
    return store


def _login(name: str) -> dict[str, Any]:
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowException, AirflowRuntimeError

    try:
        found = Connection.get(name)
    except (AirflowException, AirflowRuntimeError):
        raise OverstapError("SETTING-004", connection=name) from None
    extra = dict(found.extra_dejson)
    if set(extra) - _EXTRAS:
        raise OverstapError("SETTING-004", connection=name)
    of_client = {key: extra[key] for key in ("region_name", "verify") if key in extra}
    return {
        "key": found.login or None,
        "secret": found.password or None,
        "token": extra.get("aws_session_token"),
        "endpoint_url": extra.get("endpoint_url"),
        "client_kwargs": of_client,
    }
