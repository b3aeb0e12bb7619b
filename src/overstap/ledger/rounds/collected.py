"""When a school's files were last looked at to the end, whether any lay there or not."""

from datetime import datetime

from overstap.ledger.session import UnitOfWork


def note(unit: UnitOfWork, round_id: str, school: str) -> None:
    """Keep that collecting from a school ended now."""
    unit.run(
        "insert into overstap.collected (region, round_id, school, at) "
        "values (%(region)s, %(round)s, %(school)s, overstap.clock()) "
        "on conflict (round_id, school) do update set at = excluded.at",
        region=unit.region,
        round=round_id,
        school=school,
    )


def ended(unit: UnitOfWork, round_id: str) -> dict[str, datetime]:
    """Return when collecting from each school of a round ended last."""
    return dict(unit.rows("select school, at from overstap.collected where round_id = %(round)s", round=round_id))
