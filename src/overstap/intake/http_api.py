"""A supplier's HTTP API: pages of JSON, with an access token by client credentials (RFC 6749, section 4.4).

The API is described in `include/schemas/las/openapi.yaml`. Nothing of an answer is trusted: redirects are not followed,
no compressed answer is unpacked, and time, size, pages and rows are bounded.
"""

import json
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from overstap.bounded_http import FetchError, FetchProblem, RequestBounds, fetch

MAX_PAGE_BYTES = 64_000_000
MAX_PAGE_VALUES = 2_000_000
"""Separators in a page. Sixty-four megabytes of empty objects are two gigabytes of memory once they are read."""
MAX_PAGES = 2_000
MAX_ITEMS = 5_000
_MAX_TOKEN_BYTES = 100_000
PAGE_SECONDS = 300.0
ALL_SECONDS = 3_600.0
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


class ApiFault(Exception):  # noqa: N818 (the caller raises an error of its own)
    """An API did not answer, or answered something else than its description says.

    Args:
        kind: what was wrong, in a word: `HTTP 500`, `page`, `token`, `too large`, `too slow`, `unreachable`.
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
    """

    base: str
    token_url: str
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    scope: str = ""

    def items(
        self,
        path: str,
        parameters: dict[str, str],
        *,
        most: int = MAX_ITEMS,
        clock: Callable[[], float] = time.monotonic,
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield the items of a collection, a page at a time; numbers stay as they are written.

        Args:
            path: path of the collection, such as `/dossiers`.
            parameters: parameters of the query.
            most: most items of all pages together.
            clock: returns a number of seconds that only grows.

        Raises:
            ApiFault: it did not answer as it should.
        """
        for url in (self.base, self.token_url):
            parts = urlsplit(url)
            if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
                raise ApiFault("https")
        ends, token = clock() + ALL_SECONDS, self._token()
        cursor, seen, count = "", set[str](), 0
        for _ in range(MAX_PAGES):
            query = {**parameters, **({"cursor": cursor} if cursor else {})}
            page = _answer(
                f"{self.base}{path}?{urlencode(query)}", MAX_PAGE_BYTES, {"Authorization": f"Bearer {token}"}
            )
            items, following = page.get("items"), page.get("next")
            if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
                raise ApiFault("page")
            count += len(items)
            if count > most:
                raise ApiFault("too many")
            yield items
            if following is None:
                return
            if not isinstance(following, str) or not following or following in seen or len(following) > 2_000:
                raise ApiFault("page")
            if clock() > ends:
                raise ApiFault("too slow")
            seen.add(following)
            cursor = following
        raise ApiFault("too many")

    def _token(self) -> str:
        form = {"grant_type": "client_credentials", **({"scope": self.scope} if self.scope else {})}
        # Each is encoded as a form before it becomes a password of HTTP Basic (RFC 6749, section 2.3.1)
        login = b64encode(f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}".encode()).decode("ascii")
        stated = _answer(self.token_url, _MAX_TOKEN_BYTES, {"Authorization": f"Basic {login}"}, form)
        token, kind = stated.get("access_token"), stated.get("token_type")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
            raise ApiFault("token")
        if not isinstance(kind, str) or kind.casefold() != "bearer":
            raise ApiFault("token")
        return token


_KINDS = {
    FetchProblem.LATE: "too slow",
    FetchProblem.TOO_LARGE: "too large",
    FetchProblem.MEDIA_TYPE: "compressed",
}


def _answer(url: str, limit_bytes: int, login: dict[str, str], form: dict[str, str] | None = None) -> dict[str, Any]:
    """Send a request and return its answer: a JSON object of at most so many bytes, within some minutes."""
    bounds = RequestBounds(PAGE_SECONDS, limit_bytes, schemes=frozenset({"http", "https"}))
    headers = {"Accept": "application/json", **login}
    try:
        data = (
            fetch(url, bounds, headers=headers)
            if form is None
            else fetch(
                url,
                bounds,
                method="POST",
                body=urlencode(form).encode(),
                kind="application/x-www-form-urlencoded",
                headers=headers,
            )
        )
        if sum(map(data.count, (b",", b"[", b"{"))) > MAX_PAGE_VALUES:
            raise ApiFault("too many")
        found = json.loads(data.decode("utf-8"), parse_float=str, parse_int=str)
    except FetchError as problem:
        kind = f"HTTP {problem.status}" if problem.status is not None else _KINDS.get(problem.problem, "unreachable")
        raise ApiFault(kind) from None
    except (ValueError, RecursionError):
        raise ApiFault("page") from None
    if not isinstance(found, dict):
        raise ApiFault("page")
    return found
