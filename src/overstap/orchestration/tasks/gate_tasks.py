"""Tasks that list the open questions of a gate: after the review window, before delivery and before closing."""

from overstap.agreements import RoundId
from overstap.orchestration.round_context import workplace


def window_questions(region: str, school_year: str, kind: str) -> list[int]:
    """Return the questions about who did not inspect; the agreement may leave nothing to ask."""
    from overstap.rounds import questions

    with workplace(RoundId.of(region, school_year, kind), "window_questions") as context:
        return questions.window_questions(context)


def delivery_questions(region: str, school_year: str, kind: str) -> list[int]:
    """Return the questions about what is unusual before delivery."""
    from overstap.rounds import questions

    with workplace(RoundId.of(region, school_year, kind), "delivery_questions") as context:
        return questions.delivery_questions(context)


def closing_questions(region: str, school_year: str, kind: str) -> list[int]:
    """Return the questions about what did not arrive; what is unconfirmed when receipts were due is so from here on."""
    from overstap.rounds import questions

    with workplace(RoundId.of(region, school_year, kind), "closing_questions") as context:
        return questions.closing_questions(context)
