"""Task of background work on deliveries: test messages, revocations, retries and applied agreement files."""

from overstap.orchestration.round_context import bare_workplace, say


def watch_deliveries(region: str, school_year: str) -> dict[str, int]:
    """Look after a region's deliveries: whatever is due now, of each of its rounds (`rounds.watching`)."""
    from overstap.rounds import watching

    with bare_workplace() as context:
        done = watching.watch(context, region, school_year)
    say("Leveringen | deliveries", done)
    return dict(done)
