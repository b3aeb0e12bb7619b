"""Pool of workers that each serve one thread at a time, such as a server's connections to the ledger."""

import asyncio
import contextvars
import queue
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, Generic, TypeVar

Worker = TypeVar("Worker")


class WorkerPool(Generic[Worker]):
    """Pool of workers, which answer concurrently.

    Args:
        make: makes a worker.
        workers: number of workers.
        name: name of its threads.
    """

    def __init__(self, make: Callable[[], Worker], workers: int, *, name: str) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix=name)
        self._free: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for _ in range(workers):
            self._free.put(make())

    @contextmanager
    def _one(self) -> Iterator[Worker]:
        worker = self._free.get()
        try:
            yield worker
        finally:
            self._free.put(worker)

    async def do(self, work: Callable[[Worker], Any]) -> Any:
        """Run a function with a free worker, in a thread."""

        def run() -> Any:
            with self._one() as worker:
                return work(worker)

        # The thread logs under the trace id of its request.
        in_context = partial(contextvars.copy_context().run, run)
        return await asyncio.get_running_loop().run_in_executor(self._threads, in_context)
