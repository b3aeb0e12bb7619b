"""Conformance check of a kind of channel, called by its tests, in this repository and in suppliers' packages.

Not used where rounds run.
"""

import os
from datetime import datetime
from uuid import UUID

from overstap.agreements.kinds import ChannelKind
from overstap.delivery.channels.channel import Channel, HandOver
from overstap.envelope.file_names import AnswerKind
from overstap.envelope.message_ids import message_id
from overstap.texts import read_yaml


def check_channel(kind: ChannelKind, channel: Channel, *, at: datetime) -> UUID:
    """Hand over and revoke an envelope as deliveries do, each twice; return its message id.

    Args:
        kind: the kind.
        channel: an open channel of this kind, to a reachable school.
        at: the moment.

    Raises:
        AssertionError: the channel does not conform.
    """
    said = read_yaml(kind.help)
    for name in kind.model.model_fields:
        for language in ("nl", "en"):
            _must(bool(said.get(name, {}).get(language)), f"the help of {name} is there in {language}")
    envelope, identity = os.urandom(2_000), message_id(at, os.urandom(10))
    for what, content in (("hand_over", envelope), ("take_back", b"a statement")):
        for turn in ("first", "again"):  # a sender that was killed sends the same bytes again
            came = getattr(channel, what)(content, message_id=identity, at=at)
            _must(isinstance(came, HandOver), f"{what} answers with a HandOver")
            problem = f"{what} to a school that is there goes well ({turn}: {came.problem})"
            _must(came.problem is None, problem)
    for one in channel.answers({identity}, at=at):
        _must(isinstance(one.kind, AnswerKind), "an answer says of what kind it is")
    for _ in range(2):  # closing twice does no harm
        channel.close()
    return identity


def _must(holds: bool, rule: str) -> None:
    if not holds:
        raise AssertionError(rule)
