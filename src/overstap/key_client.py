"""Client of the key service: HTTP over a Unix socket, ids in the query of a request, content in its body."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from overstap.errors import OverstapError

if TYPE_CHECKING:
    import httpx

KEY_ID_HEADER = "Overstap-Key-Id"
"""Header of a response with the id of the key that was used."""
SOCKET = "keys.sock"
"""Name of a client's socket, in a folder that is that client's."""
MAX_CONTENT_BYTES = 65 * 1024 * 1024
"""A little more than the largest content that the ledger holds (`ledger.region_keys`)."""
SECONDS = 60
"""How long a request may take."""

Facts = Mapping[str, str]


class KeyClient:
    """Client of the key service; safe to use from several threads.

    What is asked may be asked twice, since the service stores nothing: where a kept connection has ended, as by a
    restart of the service, a request is sent once more over another.

    Args:
        path: the service's socket (setting OVERSTAP_KEY_SERVICE).
    """

    def __init__(self, path: Path) -> None:
        import httpx  # who has keys in files needs none

        self._client = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(path)), base_url="http://keys", timeout=SECONDS, trust_env=False
        )

    def ask(self, operation: str, content: bytes = b"", **facts: str) -> tuple[str, bytes]:
        """Ask for one operation.

        Args:
            operation: one of `key_service.operations`.
            content: what is encrypted, decrypted or signed.
            facts: ids that the operation needs.

        Returns:
            Id of the key that was used, empty where none was, and the bytes of the answer.

        Raises:
            OverstapError: what the service refused with, by its code; KEYS-001 when it does not answer.
        """
        import httpx

        try:
            try:
                answer = self._post(operation, content, facts)
            except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
                answer = self._post(operation, content, facts)
        except httpx.TransportError as problem:
            raise OverstapError("KEYS-001", kind=type(problem).__name__) from problem
        if answer.status_code == httpx.codes.OK:
            return answer.headers.get(KEY_ID_HEADER, ""), answer.content
        try:
            refused = answer.json()
            code, told = str(refused["error"]), dict(refused["facts"])
        except (ValueError, KeyError, TypeError) as problem:
            raise OverstapError("KEYS-001", kind=str(answer.status_code)) from problem
        raise OverstapError(code, **told)

    def _post(self, operation: str, content: bytes, facts: Facts) -> "httpx.Response":
        return self._client.post(f"/{operation}", params=dict(facts), content=content)


def refusal(code: str, facts: Mapping[str, object]) -> bytes:
    """Return the body of a refusal: an error code, and those of its facts that are text or a number."""
    told = {name: value for name, value in facts.items() if isinstance(value, str | int)}
    return json.dumps({"error": code, "facts": told}).encode()
