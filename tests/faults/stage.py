"""Script that runs one step of a round as a process, to be killed: `stage.py <step> <round id> <school>`.

Says "begin" when everything is imported and it is about to work. Small groups: there is much to kill in between. With
OVERSTAP_TEST_DIES=<module>.<function>:<n> it kills itself when it is about to call that function for the nth time.
"""

import importlib
import itertools
import os
import signal
import sys
from typing import Any

from overstap.agreements import RoundId
from overstap.delivery import sealing, sending
from overstap.intake import collect
from overstap.review import inviting
from overstap.rounds import collection, delivering, reviewing
from overstap.rounds.agreed import round_context
from overstap.rounds.context import RoundContext, opened
from overstap.settings import Settings

collect.GROUP, sealing.GROUP, sending.GROUP, inviting.GROUP = 8, 8, 5, 8


def main(step: str, round_id: str, school: str) -> None:
    """Run one step once, as its task does."""
    if step == "check":  # takes seconds to import
        from overstap.quality import region
        from overstap.rounds import checking

        importlib.import_module("great_expectations")

        region.GROUP = 8
    die_where_asked(os.environ.get("OVERSTAP_TEST_DIES", ""))
    with opened(Settings()) as context:
        found = round_context(context, RoundId(round_id), step)
        print("begin", flush=True)
        if step == "collect":
            collection.collect(found, school)
        elif step == "check":
            checking.check(found)
        elif step == "open_window":
            open_window(found)
        elif step == "seal":
            delivering.seal(found)
        elif step == "send":
            delivering.deliver(found, school, is_asked=True)
        else:
            raise ValueError(step)


def open_window(context: RoundContext) -> None:
    """Release what was accepted, as a coordinator's answer does, and invite the families."""
    coordinator = context.agreement.coordinators[0].account
    with context.unit(coordinator) as unit:
        reviewing.release(context, unit, approved=True, decided_by=coordinator, reason="", answer_key="1")
    reviewing.renew_codes(context, "renew_codes")
    reviewing.invite(context)


def die_where_asked(said: str) -> None:
    """Replace a function by one that kills this process at its nth call."""
    if not said:
        return
    place, _, times = said.partition(":")
    module, _, name = place.rpartition(".")
    found, calls = importlib.import_module(module), itertools.count(1)
    original = getattr(found, name)

    def counted(*arguments: Any, **named: Any) -> Any:
        if next(calls) == int(times):
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **named)

    setattr(found, name, counted)


if __name__ == "__main__":
    main(*sys.argv[1:])
