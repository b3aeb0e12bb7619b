"""Turns: how much one person may have under way at once, so that nobody occupies the threads of everybody."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

AT_ONCE = 3
"""Requests of one account that are carried out at the same moment; a browser of a person has one or two."""
WAITING = 20
"""Further requests of the account that wait for their turn."""

App = Callable[[Any, Any, Any], Awaitable[None]]


class NoTurnError(Exception):
    """As many requests of the account wait as may."""


class _Held:
    """The turn of one request, if it asked for one."""

    def __init__(self, turns: "Turns") -> None:
        self._turns = turns
        self.who: str | None = None

    async def take(self, who: str) -> None:
        if self.who is None:
            await self._turns.begin(who)
            self.who = who

    def end(self) -> None:
        if self.who is not None:
            self._turns.end(self.who)


_HELD: ContextVar[_Held | None] = ContextVar("held_turn", default=None)


class Turns:
    """Middleware around an ASGI application, which ends each request's turn.

    Args:
        app: the application; it asks for a turn with `take_turn` once it knows whose request it is.
        at_once: requests of one account at the same moment.
        waiting: further ones that wait.
    """

    def __init__(self, app: App, at_once: int = AT_ONCE, waiting: int = WAITING) -> None:
        self.app = app
        self._at_once = at_once
        self._waiting = waiting
        self._under_way: dict[str, asyncio.Semaphore] = {}
        self._count: dict[str, int] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, and end its turn."""
        held = _Held(self)
        token = _HELD.set(held)
        try:
            await self.app(scope, receive, send)
        finally:
            _HELD.reset(token)
            held.end()

    async def begin(self, who: str) -> None:
        """Wait for a turn.

        Raises:
            NoTurnError: too many wait already.
        """
        if self._count.get(who, 0) >= self._at_once + self._waiting:
            raise NoTurnError
        self._count[who] = self._count.get(who, 0) + 1
        try:
            await self._under_way.setdefault(who, asyncio.Semaphore(self._at_once)).acquire()
        except BaseException:
            self._leave(who)
            raise

    def end(self, who: str) -> None:
        """End a turn."""
        self._under_way[who].release()
        self._leave(who)

    def _leave(self, who: str) -> None:
        self._count[who] -= 1
        if not self._count[who]:
            del self._count[who]
            self._under_way.pop(who, None)


async def take_turn(who: str) -> None:
    """Wait until the account that sent this request may do one thing more; the turn lasts until it is answered.

    Args:
        who: the account.

    Raises:
        NoTurnError: too many of its requests wait already.
    """
    held = _HELD.get()
    if held is None:
        raise RuntimeError("no turns are kept around this application")
    await held.take(who)
