"""When the collection of each school's files was last completed, with or without files."""

from datetime import datetime

from overstap.ledger.session import UnitOfWork


def note(unit: UnitOfWork, round_id: str, school: str) -> None:
    """Record that the collection from a school is complete now."""
    unit.run(
        "insert into overstap.collected (region, round_id, school, at) "
        "values (%(region)s, %(round)s, %(school)s, overstap.clock()) "
        "on conflict (round_id, school) do update set at = excluded.at",
        region=unit.region,
        round=round_id,
        school=school,
    )


def last_ended(unit: UnitOfWork, round_id: str) -> dict[str, datetime]:
    """Return when the collection from each school of a round was last completed."""
    return dict(unit.rows("select school, at from overstap.collected where round_id = %(round)s", round=round_id))
