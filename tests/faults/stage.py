"""Script that runs one step of a round as a process, to be killed: `stage.py <step> <round id> <school>`.

Says "begin" when everything is imported and it is about to work. Small groups: there is much to kill in between.
"""

import sys

from overstap.agreements import RoundId
from overstap.delivery import sealing, sending
from overstap.intake import collect
from overstap.rounds import collection, delivering
from overstap.rounds.agreed import round_context
from overstap.rounds.context import opened
from overstap.settings import Settings

collect.GROUP, sealing.GROUP, sending.GROUP = 8, 8, 5


def main(step: str, round_id: str, school: str) -> None:
    """Run one step once, as its task does."""
    with opened(Settings()) as context:
        found = round_context(context, RoundId(round_id), step)
        print("begin", flush=True)
        if step == "collect":
            collection.collect(found, school)
        elif step == "seal":
            delivering.seal(found)
        elif step == "send":
            delivering.deliver(found, school, is_asked=True)
        else:
            raise ValueError(step)


if __name__ == "__main__":
    main(*sys.argv[1:])
