"""The tasks of a round, each a call of one stage. They pass ids and counts, and may be run again at any time."""

from overstap.orchestration.tasks.agreeing import apply_agreement
from overstap.orchestration.tasks.answering import plan_answers, take_answers
from overstap.orchestration.tasks.checking import check, check_early
from overstap.orchestration.tasks.closing import close, complete
from overstap.orchestration.tasks.collecting import (
    collect,
    collect_early,
    collect_guests,
    plan_day,
    plan_guests,
    registrations,
)
from overstap.orchestration.tasks.comparing import compare_regions
from overstap.orchestration.tasks.delivering import deliver, receivers, seal
from overstap.orchestration.tasks.gate_tasks import closing_questions, delivery_questions, window_questions
from overstap.orchestration.tasks.notifying import invite_late, send_mail, tell
from overstap.orchestration.tasks.opening import open_round
from overstap.orchestration.tasks.retaining import hand_out, retain
from overstap.orchestration.tasks.reviewing import end_review, invite, questions
from overstap.orchestration.tasks.steering import steer
from overstap.orchestration.tasks.watching import watch_deliveries

__all__ = [
    "apply_agreement",
    "check",
    "check_early",
    "close",
    "closing_questions",
    "collect",
    "collect_early",
    "collect_guests",
    "compare_regions",
    "complete",
    "deliver",
    "delivery_questions",
    "end_review",
    "hand_out",
    "invite",
    "invite_late",
    "open_round",
    "plan_answers",
    "plan_day",
    "plan_guests",
    "questions",
    "receivers",
    "registrations",
    "retain",
    "seal",
    "send_mail",
    "steer",
    "take_answers",
    "tell",
    "watch_deliveries",
    "window_questions",
]
