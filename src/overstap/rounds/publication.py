"""Daily publication of a region's checkpoint, as a file, with a time stamp, and by mail."""

import logging
from collections import Counter

from overstap.closing.publication import publish, time_stamp_file
from overstap.errors import OverstapError
from overstap.notifications.checkpoints import queue_checkpoint
from overstap.rounds.context import Context
from overstap.rounds.notifying import tell_administrator

_log = logging.getLogger(__name__)


def publish_checkpoint(context: Context, region: str) -> Counter[str] | None:
    """Verify the audit chain so far, sign a checkpoint over it, and publish it by every configured means.

    A chain that does not hold is an alarm to the administrator; the checkpoint is published all the same, since it
    proves what is there.

    Args:
        context: settings, ledger, certificates and clock.
        region: region id.

    Returns:
        Counts: the number of the last line ("up_to"), "files", "stamps", "mails"; None when no means is configured.

    Raises:
        OverstapError: CLOSING-002 when the configured time stamp service fails; file and mails are published then.
    """
    tell_administrator(context, region, evidence=True)
    settings = context.settings
    if settings.checkpoints is None and not settings.checkpoint_addresses:
        return None
    made = publish(
        *(context.ledger, context.trust),
        region=region,
        actor="hand_out",
        at=context.clock(),
        folder=context.place("checkpoints"),
    )
    done = Counter(up_to=made.up_to, files=int(made.file is not None))
    with context.ledger.unit(region, "hand_out") as unit:
        done["mails"] = queue_checkpoint(unit, made.up_to, made.root, made.line, to=settings.checkpoint_addresses)
    if settings.timestamps is not None and made.file is not None:
        try:
            done["stamps"] = int(time_stamp_file(made, settings.timestamps) is not None)
        except OverstapError:
            _log.error("%s up to line %d: published without a time stamp", region, made.up_to)
            raise
    return done
