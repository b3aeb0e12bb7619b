"""HTTP requests with a deadline and a size limit: to certificate authorities, suppliers and identity providers.

Every request has one deadline from name resolution to the last byte, and a limit on the size of the response, so that
no server can delay the caller or fill its memory. The answers of OCSP services and revocation lists (RFC 6960, RFC
5280) are signed, so plain HTTP is sufficient for them.
"""

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

import httpx

_SCHEMES = frozenset({"http", "https"})
_HIGHEST_PORT = 65_535
_NONE: Mapping[str, str] = MappingProxyType({})
_GRACE_SECONDS = 1.0  # for the event loop to cancel the request, before the caller stops waiting


class FetchProblem(StrEnum):
    """Why a request has no usable response."""

    ADDRESS = "address"
    """The URL has a scheme that is not permitted, no host, or an invalid port."""
    UNREACHABLE = "unreachable"
    """No connection, or it broke."""
    LATE = "late"
    """The response was not complete at the deadline."""
    TOO_LARGE = "too_large"
    REDIRECT = "redirect"
    """A redirect that is not permitted, to another scheme, or one too many."""
    STATUS = "status"
    """Another HTTP status than 200."""
    MEDIA_TYPE = "media_type"
    """Another media type than requested, or a compressed body."""


class FetchError(OSError):
    """A request has no usable response.

    Args:
        problem: the kind of failure.
        detail: description for the log, without content of the response.
        status: HTTP status of the response; None without one.
    """

    def __init__(self, problem: FetchProblem, detail: str, status: int | None = None) -> None:
        super().__init__(detail)
        self.problem = problem
        self.status = status


@dataclass(frozen=True, slots=True)
class RequestBounds:
    """Limits of one request."""

    seconds: float
    """Time from start to end, redirects included."""
    max_bytes: int
    """Size of the response body."""
    redirects: int = 0
    """Largest number of redirects; each must keep the scheme."""
    schemes: frozenset[str] = frozenset({"http"})
    """Permitted schemes: http, https or both."""


def fetch(
    url: str,
    bounds: RequestBounds,
    *,
    method: Literal["GET", "POST"] = "GET",
    body: bytes = b"",
    kind: str | None = None,
    answer: str | None = None,
    headers: Mapping[str, str] = _NONE,
    trust_env: bool = False,
) -> bytes:
    """Send one HTTP request and return the body of the response.

    Unless asked, proxies, passwords and certificate files of the environment are ignored. A user name in the URL is
    not sent.

    Args:
        url: `http://host[:port]/path`, or https where the bounds permit it.
        bounds: deadline in seconds, size in bytes, redirects and schemes.
        method: GET or POST.
        body: content of the request.
        kind: media type of `body`.
        answer: required media type of the response; any when None.
        headers: further headers, such as a login. A redirect would take them along: give none where `bounds` has any.
        trust_env: whether the environment's proxy and certificate files are used.

    Raises:
        FetchError: there is no response within the bounds, or it has another status or media type.
    """
    if headers and bounds.redirects:
        raise ValueError("a login must not follow a redirect")
    address = _address(url, bounds)
    own = {"Accept": answer or "*/*", "Accept-Encoding": "identity", "Connection": "close"}
    sent = {**own, **({"Content-Type": kind} if kind is not None else {}), **headers}
    outcome: Future[bytes] = Future()

    def run() -> None:
        try:
            outcome.set_result(asyncio.run(_within(address, bounds, method, body, sent, answer, trust_env)))
        except BaseException as problem:  # raised again in the calling thread
            outcome.set_exception(problem)

    # A deadline that also covers slowly sent headers needs an event loop, and the caller may run in one already: so it
    # runs in a thread. The thread is a daemon, since a hanging name resolution cannot be cancelled.
    threading.Thread(target=run, name="bounded-http", daemon=True).start()
    try:
        return outcome.result(bounds.seconds + _GRACE_SECONDS)
    except TimeoutError:
        raise FetchError(FetchProblem.LATE, "no answer in time") from None


def _address(url: str, bounds: RequestBounds) -> httpx.URL:
    try:
        address = httpx.URL(url).copy_with(userinfo=b"")
    except httpx.InvalidURL as problem:
        raise FetchError(FetchProblem.ADDRESS, "the URL is not valid") from problem
    allowed = bounds.schemes & _SCHEMES
    if address.scheme not in allowed or not address.host or (address.port or 1) > _HIGHEST_PORT:
        raise FetchError(FetchProblem.ADDRESS, f"not an address over {' or '.join(sorted(allowed))}")
    return address


async def _within(
    address: httpx.URL,
    bounds: RequestBounds,
    method: str,
    body: bytes,
    headers: dict[str, str],
    answer: str | None,
    trust_env: bool,
) -> bytes:
    try:
        async with (
            asyncio.timeout(bounds.seconds),
            # By default no proxy of the environment: it must not learn which certificate is checked
            httpx.AsyncClient(trust_env=trust_env, timeout=bounds.seconds) as client,
        ):
            for _ in range(bounds.redirects + 1):
                request = client.build_request(method, address, content=body or None, headers=headers)
                response = await client.send(request, stream=True)
                try:
                    if response.next_request is None:
                        return await _body_of(response, bounds, answer)
                    address = _next(response.next_request.url, address, bounds)
                finally:
                    await response.aclose()
            raise FetchError(
                FetchProblem.REDIRECT, f"more than {bounds.redirects} redirects", status=response.status_code
            )
    except TimeoutError:
        raise FetchError(FetchProblem.LATE, "no answer in time") from None
    except httpx.TimeoutException:
        raise FetchError(FetchProblem.LATE, "no answer in time") from None
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        raise FetchError(FetchProblem.UNREACHABLE, f"no answer over HTTP ({type(problem).__name__})") from problem


def _next(target: httpx.URL, asked: httpx.URL, bounds: RequestBounds) -> httpx.URL:
    if target.scheme != asked.scheme:
        raise FetchError(FetchProblem.REDIRECT, f"a redirect from {asked.scheme} to another scheme")
    return _address(str(target), bounds)


async def _body_of(response: httpx.Response, bounds: RequestBounds, answer: str | None) -> bytes:
    found = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status_code != httpx.codes.OK:
        raise FetchError(
            FetchProblem.STATUS, f"the answer has status {response.status_code}", status=response.status_code
        )
    if answer is not None and found != answer:
        raise FetchError(FetchProblem.MEDIA_TYPE, f"the answer has type {found[:80] or '-'}")
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        # Not requested; a few kilobytes can unpack to gigabytes
        raise FetchError(FetchProblem.MEDIA_TYPE, "the answer is compressed")
    content = bytearray()
    async for part in response.aiter_raw():
        content += part
        if len(content) > bounds.max_bytes:
            raise FetchError(FetchProblem.TOO_LARGE, f"the answer has more than {bounds.max_bytes} bytes")
    return bytes(content)
