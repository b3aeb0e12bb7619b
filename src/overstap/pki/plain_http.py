"""One question over plain HTTP, as OCSP has it (RFC 6960 appendix A): small, and over by its deadline.

What comes back is signed, so the way needs no protection; but whoever stands on the way must not hold anybody up.
"""

import asyncio
import threading
from typing import Any

import httpx

_SECONDS = 8.0
_MOST_BYTES = 64 * 1024


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
    try:
        address = httpx.URL(url).copy_with(userinfo=b"")
    except httpx.InvalidURL as problem:
        raise OSError("not an address over plain HTTP") from problem
    if address.scheme != "http" or not address.host or (address.port or 80) > 65535:
        raise OSError("not an address over plain HTTP")
    done: list[Any] = []

    def ask() -> None:
        try:
            done.append(asyncio.run(_ask(address, body, kind, answer, seconds)))
        except Exception as problem:
            done.append(problem)

    # A thread of its own: a deadline over all of it, dripping headers too, takes an event loop, and the caller may
    # stand in one.
    asking = threading.Thread(target=ask, name="ocsp", daemon=True)
    asking.start()
    asking.join()
    [outcome] = done
    if isinstance(outcome, Exception):
        raise OSError(str(outcome) or type(outcome).__name__) from outcome
    return bytes(outcome)


async def _ask(address: httpx.URL, body: bytes, kind: str, answer: str, seconds: float) -> bytes:
    headers = {"Content-Type": kind, "Accept": answer, "Connection": "close"}
    try:
        async with asyncio.timeout(seconds):
            # No proxy or password of the environment: what is asked about whom is nobody else's business
            async with (
                httpx.AsyncClient(trust_env=False, timeout=seconds) as client,
                client.stream("POST", address, content=body, headers=headers) as response,
            ):
                content = b""
                async for part in response.aiter_bytes():
                    content += part
                    if len(content) > _MOST_BYTES:
                        raise OSError("the answer is too large")
    except TimeoutError:
        raise OSError("no answer in time") from None
    except httpx.HTTPError as problem:
        raise OSError(f"no answer over HTTP ({type(problem).__name__})") from problem
    found = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status_code != httpx.codes.OK or found != answer:
        raise OSError(f"the answer has status {response.status_code} and type {found or '-'}")
    return content
