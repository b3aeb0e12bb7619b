"""A supplier's HTTP API: pages of JSON, with an access token by client credentials (RFC 6749, section 4.4).

The API is described in `include/schemas/las/openapi.yaml`. Nothing of an answer is trusted: redirects are not followed,
and size, pages and rows are bounded.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

MAX_PAGE_BYTES = 64_000_000
MAX_PAGES = 2_000
MAX_ITEMS = 5_000
_MAX_TOKEN_BYTES = 100_000
_SECONDS = 60.0
_PAGE_SECONDS = 300.0
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


class ApiFault(Exception):  # noqa: N818 (the caller raises an error of its own)
    """An API did not answer, or answered something else than its description says.

    Args:
        kind: what was wrong, in a word: a class of error, `HTTP 500`, `page`, `token`, `too large`.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(kind)


@dataclass(frozen=True, slots=True)
class HttpApi:
    """A supplier's API and the account for it.

    Args:
        base: URL of the API, without a slash at its end.
        token_url: URL at which an access token is given.
        client_id: the account.
        client_secret: its secret.
        scope: scope to ask for; empty: none.
        transport: how requests are sent; None: over the network.
    """

    base: str
    token_url: str
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    scope: str = ""
    transport: httpx.BaseTransport | None = field(default=None, repr=False)

    def items(
        self, path: str, parameters: dict[str, str], *, clock: Callable[[], float] = time.monotonic
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield the items of a collection, a page at a time; numbers stay as they are written.

        Args:
            path: path of the collection, such as `/dossiers`.
            parameters: parameters of the query.
            clock: returns a number of seconds that only grows.

        Raises:
            ApiFault: it did not answer as it should.
        """
        for url in (self.base, self.token_url):
            parts = urlsplit(url)
            if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
                raise ApiFault("https")
        sends = self.transport
        with httpx.Client(timeout=_SECONDS, follow_redirects=False, trust_env=False, transport=sends) as client:
            token, cursor, seen, count = self._token(client, clock), "", set[str](), 0
            for _ in range(MAX_PAGES):
                more = {"cursor": cursor} if cursor else {}
                headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
                query = {**parameters, **more}
                request = client.build_request("GET", f"{self.base}{path}", params=query, headers=headers)
                page = _answer(client, request, MAX_PAGE_BYTES, clock)
                items, following = page.get("items"), page.get("next")
                if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
                    raise ApiFault("page")
                count += len(items)
                if count > MAX_ITEMS:
                    raise ApiFault("too many")
                yield items
                if following is None:
                    return
                if not isinstance(following, str) or not following or following in seen or len(following) > 2_000:
                    raise ApiFault("page")
                seen.add(following)
                cursor = following
        raise ApiFault("too many")

    def _token(self, client: httpx.Client, clock: Callable[[], float]) -> str:
        form = {"grant_type": "client_credentials", **({"scope": self.scope} if self.scope else {})}
        request = client.build_request("POST", self.token_url, data=form, headers={"Accept": "application/json"})
        login = httpx.BasicAuth(self.client_id, self.client_secret)
        stated = _answer(client, request, _MAX_TOKEN_BYTES, clock, login)
        token, kind = stated.get("access_token"), stated.get("token_type")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
            raise ApiFault("token")
        if not isinstance(kind, str) or kind.casefold() != "bearer":
            raise ApiFault("token")
        return token


def _answer(
    client: httpx.Client,
    request: httpx.Request,
    limit_bytes: int,
    clock: Callable[[], float],
    login: httpx.BasicAuth | None = None,
) -> dict[str, Any]:
    """Send a request and return its answer: a JSON object of at most so many bytes, within some minutes."""
    ends = clock() + _PAGE_SECONDS
    data = bytearray()
    try:
        answer = client.send(request, stream=True, auth=login)
        try:
            if answer.status_code != httpx.codes.OK:
                raise ApiFault(f"HTTP {answer.status_code}")
            for part in answer.iter_bytes():
                data += part
                if len(data) > limit_bytes or clock() > ends:
                    raise ApiFault("too large" if len(data) > limit_bytes else "too slow")
        finally:
            answer.close()
        found = json.loads(bytes(data).decode("utf-8"), parse_float=str, parse_int=str)
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as problem:
        raise ApiFault(type(problem).__name__) from None
    except (ValueError, RecursionError):
        raise ApiFault("page") from None
    if not isinstance(found, dict):
        raise ApiFault("page")
    return found
