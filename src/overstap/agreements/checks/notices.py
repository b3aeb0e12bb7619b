"""Checks of mail times: a digest in quiet hours is reported."""

from pydantic import ValidationError

from overstap.agreements.checks.context import CheckContext
from overstap.agreements.model import Notices


def check(context: CheckContext) -> None:
    """Note a digest that falls within the quiet hours; what is no time at all is for the check of the shape."""
    stated = context.written.at("notices")
    if not isinstance(stated, dict):
        return
    try:
        agreed = Notices.model_validate(stated)
    except ValidationError:
        return
    digest, begin, end = (agreed.hour(name) for name in ("digest_at", "quiet_from", "quiet_until"))
    is_quiet = begin <= digest < end if begin < end else begin != end and (digest >= begin or digest < end)
    if is_quiet:
        context.say(
            *("AGREEMENT-170", "notices", *(["digest_at"] if "digest_at" in stated else [])),
            digest=agreed.digest_at,
            quiet_from=agreed.quiet_from,
            quiet_until=agreed.quiet_until,
        )
