"""Client of a supplier of the test: the calls of the Doorstroomtoets API 1.1.0 that a school's system makes.

A call that got no answer, or one that says "later", is made again: what was sent is an addition or a change, so that
the supplier may get it twice. What the supplier writes beside its status is not read: it could be about a pupil.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

from overstap.agreements.model import SchoolMandate, SupplierOfTests
from overstap.errors import OverstapError
from overstap.pki import TrustStore
from overstap.transport.https_client import DEADLINE_SECONDS, HttpsClient, Reply, TransportProblem

REGISTER, ADVICES = "/registreren", "/registreren-schooladviezen"
_TAKEN = 202
_LATER = frozenset({408, 429, 500, 502, 503, 504})
_REFUSED = {
    400: "TESTS-006",
    401: "TESTS-003",
    403: "TESTS-004",
    405: "TESTS-005",
    413: "TESTS-006",
    415: "TESTS-006",
    422: "TESTS-006",
}
"""Codes of answers that another try does not change."""
_MAX_ANSWER = 64 * 1024
_WAITS = (2.0, 8.0)
"""Seconds before the second and the third try, where the supplier does not say how long."""
_LONGEST_WAIT = 60.0


@dataclass(frozen=True, slots=True)
class SupplierAnswer:
    """What came of a call.

    Args:
        answer: HTTP status, or why there was none.
        refused: error code; None when the supplier took what was sent.
    """

    answer: str
    refused: str | None


class SupplierClient:
    """Calls for one school. Use it in one thread at a time.

    Args:
        supplier: the supplier; its server has to show a certificate with its OIN.
        mandate: of the school.
        region: the region whose conductor calls.
        trust: trust store with the conductor's certificate.
        now: the clock.
        deadline_seconds: limit of one try.
        wait: waits a number of seconds before another try.

    Raises:
        OverstapError: TRUST-001 to TRUST-014 when the conductor's certificate or key is not in order.
    """

    def __init__(
        self,
        supplier: SupplierOfTests,
        mandate: SchoolMandate,
        *,
        region: str,
        trust: TrustStore,
        now: Callable[[], datetime],
        deadline_seconds: float = DEADLINE_SECONDS,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self._supplier, self._mandate, self._now, self._wait = supplier, mandate, now, wait
        at = now()
        self._line = HttpsClient(
            oins=frozenset({supplier.oin}),
            trust=trust,
            client=trust.conductor_identity(region, at=at),
            at=at,
            deadline_seconds=deadline_seconds,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.close()

    def send(self, path: str, content: bytes) -> SupplierAnswer:
        """Send a message and return what came of it; a few tries where another one can help.

        Args:
            path: `REGISTER` or `ADVICES`.
            content: the message, JSON.
        """
        parties = {"edu-to": self._mandate.school_oin, "edu-from": self._mandate.routing_key}
        url = f"{self._supplier.url.rstrip('/')}{path}?{urlencode(parties)}"
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        for pause in (*_WAITS, None):
            reply = self._line.post(url, content, headers, limit=_MAX_ANSWER, at=self._now())
            if not _is_later(reply) or pause is None:
                break
            self._wait(_asked_wait(reply, pause))
        return _answer_of(reply)

    def raise_for(self, answer: SupplierAnswer) -> None:
        """Raise what the supplier's answer means, unless it took what was sent.

        Raises:
            OverstapError: TESTS-003 to TESTS-009, TESTS-011.
        """
        if answer.refused is not None:
            raise OverstapError(
                answer.refused, supplier=self._supplier.name, school=self._mandate.school, answer=answer.answer
            )


def _is_later(reply: Reply) -> bool:
    if reply.status is None:
        return reply.problem is not TransportProblem.IDENTITY
    return reply.status in _LATER


def _asked_wait(reply: Reply, usual: float) -> float:
    stated = reply.headers.get("retry-after", "")
    return min(float(stated), _LONGEST_WAIT) if stated.isascii() and stated.isdigit() else usual


def _answer_of(reply: Reply) -> SupplierAnswer:
    if reply.status is None:
        why = reply.problem or TransportProblem.DISCONNECTED
        return SupplierAnswer(why.value, "TESTS-008" if why is TransportProblem.IDENTITY else "TESTS-011")
    if reply.status == _TAKEN:
        return SupplierAnswer(str(reply.status), None)
    refused = "TESTS-007" if reply.status in _LATER else _REFUSED.get(reply.status, "TESTS-009")
    return SupplierAnswer(str(reply.status), refused)
