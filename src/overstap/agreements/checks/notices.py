"""Check of mail times: reports a digest within the quiet hours."""

from pydantic import ValidationError

from overstap.agreements.checks.context import CheckContext
from overstap.agreements.model import Notices


def check(context: CheckContext) -> None:
    """Add a finding about a digest within the quiet hours; schema_check reports invalid times."""
    stated = context.source.at("notices")
    if not isinstance(stated, dict):
        return
    try:
        agreed = Notices.model_validate(stated)
    except ValidationError:
        return
    digest, begin, end = (agreed.hour(name) for name in ("digest_at", "quiet_from", "quiet_until"))
    is_quiet = begin <= digest < end if begin < end else begin != end and (digest >= begin or digest < end)
    if is_quiet:
        context.add_finding(
            *("AGREEMENT-170", "notices", *(["digest_at"] if "digest_at" in stated else [])),
            digest=agreed.digest_at,
            quiet_from=agreed.quiet_from,
            quiet_until=agreed.quiet_until,
        )
