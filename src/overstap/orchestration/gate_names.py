"""Gates by their tasks, and the key of an answer; shared by the tasks and by the board, which loads no operators."""

from overstap.ledger.rounds.gate_holds import ACCEPT_UNDELIVERABLE, NOT_INSPECTED, RELEASE_FOR_DELIVERY

RELEASE_FOR_REVIEW = "release_for_review"
GATE_OF_TASK = {
    "release": RELEASE_FOR_REVIEW,
    "release_to_partnership": RELEASE_FOR_REVIEW,
    "not_inspected": NOT_INSPECTED,
    "release_for_delivery": RELEASE_FOR_DELIVERY,
    "accept_undeliverable": ACCEPT_UNDELIVERABLE,
}
"""Gate of each task of a round that asks a coordinator (see `orchestration.dags.round`)."""

QUESTIONS_OF_GATE = {
    RELEASE_FOR_REVIEW: "questions",
    NOT_INSPECTED: "window_questions",
    RELEASE_FOR_DELIVERY: "delivery_questions",
    ACCEPT_UNDELIVERABLE: "closing_questions",
}
"""Task that finds what each gate has to ask."""


def answer_key(asking: object) -> str:
    """Return the idempotency key of the answer to one asking of a question.

    Args:
        asking: id of the task instance; Airflow gives it a new one when the task is cleared or tried again.
    """
    return f"asked {asking}"
