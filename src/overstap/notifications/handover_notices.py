"""Notices to schools about a warm handover, and the calendar file that comes with an agreed moment.

A pupil is told by the sign of the dossier. Who was told has the moment in a calendar (RFC 5545) with the mail.
"""

from collections.abc import Sequence
from datetime import datetime

from overstap.agreements.appointments import Appointment, appointment_file
from overstap.clock import format_moment
from overstap.ledger.notifications.notices import Notice
from overstap.texts import texts

HANDOVER_KINDS = ("handover_proposed", "handover_agreed")
MINUTES = 30
"""How long a handover takes in a calendar."""


def proposed(round_id: str, handover: object, sign: str, to: str, by: str, count: int) -> Notice:
    """Return the notice to the other school that moments were proposed.

    Args:
        round_id: the round.
        handover: id of what was said.
        sign: sign of the dossier.
        to: BRIN and branch of the school that chooses.
        by: name of the school that proposes.
        count: number of moments.
    """
    facts = {"sign": sign, "school": by, "count": count}
    return Notice("handover_proposed", str(handover), f"school:{to}", facts, round_id, is_urgent=True)


def agreed(
    round_id: str, handover: object, uid: str, sign: str, moment: datetime, said_at: datetime, schools: dict[str, str]
) -> list[Notice]:
    """Return the notices to both schools about an agreed moment.

    Args:
        round_id: the round.
        handover: id of what was said.
        uid: identifies the appointment in a calendar.
        sign: sign of the dossier.
        moment: the moment, aware.
        said_at: when it was agreed, aware.
        schools: BRIN and branch and name of both schools.
    """
    made = []
    for school in schools:
        [other] = [name for key, name in schools.items() if key != school]
        facts = {
            "sign": sign,
            "school": other,
            "moment": format_moment(moment),
            "starts": moment.isoformat(),
            "said_at": said_at.isoformat(),
            "uid": uid,
        }
        made.append(Notice("handover_agreed", str(handover), f"school:{school}", facts, round_id, is_urgent=True))
    return made


def appointment(uid: str, sign: str, school: str, starts: datetime, said_at: datetime) -> Appointment:
    """Return the entry for a calendar.

    Args:
        uid: identifies the appointment.
        sign: sign of the dossier.
        school: name of the other school.
        starts: the moment, aware.
        said_at: when it was agreed, aware.
    """
    words = texts("notices/handover")
    return Appointment(
        uid,
        words["title"]["nl"].format(sign=sign),
        words["text"]["nl"].format(school=school),
        starts,
        MINUTES,
        said_at,
    )


def calendar_of(told: Sequence[Notice]) -> str:
    """Return the calendar file that goes with a mail of these notices; empty without an agreed moment."""
    found = [one.facts for one in told if one.kind == "handover_agreed"]
    if not found:
        return ""
    return appointment_file(
        appointment(
            str(each["uid"]),
            str(each["sign"]),
            str(each["school"]),
            datetime.fromisoformat(str(each["starts"])),
            datetime.fromisoformat(str(each["said_at"])),
        )
        for each in found
    ).decode()
