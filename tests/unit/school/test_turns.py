"""What one account may have under way at once."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from overstap.pages.shared.turns import NoTurnError, Turns, take_turn


def test_an_account_waits_for_itself_alone() -> None:
    async def run() -> None:
        within: list[str] = []
        go_on = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await take_turn(scope["who"])
            await take_turn(scope["who"])  # a second question is no second turn
            within.append(scope["who"])
            if scope["who"] != "b":
                await go_on.wait()
            if scope.get("fails"):
                raise ValueError

        turns = Turns(app, at_once=2, waiting=2)
        first = [asyncio.create_task(turns({"who": "a", "fails": n == 0}, None, None)) for n in range(4)]
        while len(within) < 2:
            await asyncio.sleep(0)
        with pytest.raises(NoTurnError):
            await turns({"who": "a"}, None, None)
        await turns({"who": "b"}, None, None)
        assert within == ["a", "a", "b"]
        first[3].cancel()  # a visitor who left while waiting
        go_on.set()
        done = await asyncio.gather(*first, return_exceptions=True)
        assert [type(one) for one in done] == [ValueError, type(None), type(None), asyncio.CancelledError]
        await asyncio.gather(*(turns({"who": "a"}, None, None) for _ in range(4)))
        assert turns._count == {}
        assert turns._under_way == {}

    # In a thread: a browser that an earlier test of this process drove leaves its event loop running in this one
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, run()).result()
