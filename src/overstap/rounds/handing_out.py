"""Each day's checkpoint of a region's evidence goes out of the house: to a file, a time stamp, and by mail."""

import logging
from collections import Counter

from overstap.closing.handing_out import hand_out as hand_out_checkpoint
from overstap.closing.handing_out import stamp
from overstap.errors import OverstapError
from overstap.notifications.checkpoints import queue_checkpoint
from overstap.rounds.context import Context

_log = logging.getLogger(__name__)


def hand_out(context: Context, region: str) -> Counter[str] | None:
    """Sign the evidence so far, and hand the checkpoint out in every way that is set.

    Args:
        context: settings, ledger, certificates and clock.
        region: region id.

    Returns:
        Counts: the number of the last line ("up_to"), "files", "stamps", "mails"; None when no way is set.

    Raises:
        OverstapError: CLOSING-002 when a service for time stamps is set and gives none; file and mails are out then.
    """
    settings = context.settings
    if settings.checkpoints is None and not settings.checkpoint_addresses:
        return None
    made = hand_out_checkpoint(
        *(context.ledger, context.trust),
        region=region,
        actor="hand_out",
        at=context.clock(),
        folder=settings.checkpoints,
    )
    done = Counter(up_to=made.up_to, files=int(made.file is not None))
    with context.ledger.unit(region, "hand_out") as unit:
        done["mails"] = queue_checkpoint(unit, made.up_to, made.root, made.line, to=settings.checkpoint_addresses)
    if settings.timestamps is not None and made.file is not None:
        try:
            done["stamps"] = int(stamp(made, settings.timestamps) is not None)
        except OverstapError:
            _log.error("%s up to line %d: handed out without a time stamp", region, made.up_to)
            raise
    return done
