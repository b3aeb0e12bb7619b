"""Proof pack as PDF, with the facts of its JSON."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from overstap.clock import spoken, wall
from overstap.pdf import Sheet
from overstap.pdf.sheet import SOFT
from overstap.texts import Count, texts

Facts = dict[str, Any]
Named = Callable[[str | None], str]


def proof_page(facts: Facts, names: Mapping[str, str], at: datetime) -> bytes:
    """Return a proof pack as PDF.

    Args:
        facts: as `overstap.ledger.review.proof.collected` gives them, with what the pack adds.
        names: per handle the person's name.
        at: the moment of making.
    """
    words = _words("proof")

    def named(person: str | None) -> str:
        if person is None:
            return words["family"]
        return names.get(person) or words["unknown_person"].format(person=person[:8])

    sheet = Sheet(words["title"], words["title"])
    sheet.add_page()
    sheet.heading(words["title"])
    sheet.say(size=9, colour=SOFT)
    sheet.paragraph(words["made"].format(moment=spoken(at), by=facts["made_by"]))
    sheet.say()
    sheet.paragraph(words["lead"].format(region=facts["region"]))
    _about(sheet, facts, words)
    _people(sheet, facts, words, named)
    _answers(sheet, facts, words, named)
    _requests(sheet, facts, words, named)
    _deliveries(sheet, facts, words)
    _opened(sheet, facts, words, named)
    _evidence(sheet, facts, words)
    return sheet.made()


def _words(part: str) -> dict[str, str]:
    return {name: text["nl"] for name, text in texts("invitations/paper")[part].items()}


def _heading(sheet: Sheet, text: str) -> None:
    sheet.ln(4)
    sheet.heading(text, size=13, after=1)


def _state(name: str) -> str:
    return _words("states").get(name, name)


def _about(sheet: Sheet, facts: Facts, words: dict[str, str]) -> None:
    _heading(sheet, words["about"])
    sheet.pairs([(words["pupil"], facts["pupil"])])
    sheet.pairs([(words["school"], f"{facts['school']['name']} ({facts['school']['id']})")])
    sheet.pairs([(words["round"], facts["round"])])
    sheet.pairs([(words["dossier"], facts["dossier"])])
    sheet.pairs([(words["state"], facts["state"])])
    if facts["review_closes_at"]:
        first = next((one["released_at"] for one in facts["versions"] if one["released_at"]), None)
        since = facts["review_opens_at"] or first  # without a moment of its own it lies open from its release
        opens, closes = _moment(since) if since else "\u2026", _moment(facts["review_closes_at"])
        sheet.pairs([(words["window"], words["window_value"].format(opens=opens, closes=closes))])

    _heading(sheet, words["versions"])
    for one in facts["versions"]:
        released = (
            words["released_value"].format(moment=_moment(one["released_at"]), by=one["released_by"])
            if one["released_at"]
            else words["not_released"]
        )
        value = words["version_value"].format(
            taken=_moment(one["taken_in_at"]), released=released, digest=one["content_sha256"]
        )
        sheet.pairs([(words["version"].format(number=one["number"]), value)])


def _people(sheet: Sheet, facts: Facts, words: dict[str, str], named: Named) -> None:
    _heading(sheet, words["people"])
    for person in dict.fromkeys(one["person"] for one in facts["entitled"]):
        lines = [
            words["letter"].format(moment=_moment(one["printed_at"]), by=one["printed_by"])
            for one in facts["letters"]
            if one["person"] == person
        ]
        lines += [
            words["reminder" if one["days_before"] else "mail"].format(
                days=Count(one["days_before"]),
                state=_state(one["state"]),
                moment=_moment(one["settled_at"] or one["made_at"]),
            )
            for one in facts["mails"]
            if one["person"] == person
        ]
        sheet.pairs([(named(person), "\n".join(lines) or words["nothing"])])


def _answers(sheet: Sheet, facts: Facts, words: dict[str, str], named: Named) -> None:
    _heading(sheet, words["answers"])
    if not facts["answers"]:
        sheet.paragraph(words["no_answers"])
    for one in facts["answers"]:
        consent = words["consent"].format(consent=one["consent"]) if one["consent"] else ""
        value = words["answer_value"].format(
            seen=_day(one["seen_on"]),
            agreed=one["agreed"],
            consent=consent,
            moment=_moment(one["recorded_at"]),
            by=named(one["person"]) if one["recorded_by"] == one["person"] else one["recorded_by"],
            ground=one["ground_nl"],
        )
        sheet.pairs([(named(one["person"]), value)])
        if not one["counts"]:
            sheet.pairs([(words["replaced"], words["replaced_value"])], indent=4)
        if one["view"]:
            heading = words["view" if one["view_travels"] else "view_stays"]
            sheet.pairs([(heading, one["view"])], indent=4)
        if one["note"]:
            sheet.pairs([(words["note"], one["note"])], indent=4)


def _requests(sheet: Sheet, facts: Facts, words: dict[str, str], named: Named) -> None:
    if facts["requests"]:
        _heading(sheet, words["requests"])
    for one in facts["requests"]:
        answer = f"\n\u2192 {one['answer']}" if one["answer"] else ""
        value = words["request_value"].format(
            text=one["text"],
            asked=_moment(one["asked_at"]),
            due=_moment(one["due_at"]),
            state=_state(one["state"]),
            answer=answer,
        )
        sheet.pairs([(f"{words[one['kind']]}\n{named(one['person'])}", value)])


def _deliveries(sheet: Sheet, facts: Facts, words: dict[str, str]) -> None:
    _heading(sheet, words["deliveries"])
    if not facts["deliveries"]:
        sheet.paragraph(words["no_deliveries"])
    for one in facts["deliveries"]:
        receipts = ", ".join(
            f"{_state(receipt['outcome'])} ({_moment(receipt['received_at'])})" for receipt in one["receipts"]
        )
        value = words["delivery_value"].format(
            sealed=_moment(one["sealed_at"]),
            state=_state(one["state"]),
            attempts=one["attempts"],
            message=one["message_id"],
            digest=one["envelope_sha256"],
            receipts=receipts or "\u2013",
        )
        sheet.pairs([(f"{one['to']['name']} ({one['to']['id']})", value)])


def _opened(sheet: Sheet, facts: Facts, words: dict[str, str], named: Named) -> None:
    _heading(sheet, words["opened"])
    if not facts["opened"]:
        sheet.paragraph(words["nobody_opened"])
    where = _words("where")
    for one in facts["opened"]:
        reader = named(one["person"]) if one["person"] else one["by"]
        version = words["version"].format(number=one["version"])
        sheet.pairs([(_moment(one["at"]), f"{reader}: {where[one['where']]} ({version})")])


def _evidence(sheet: Sheet, facts: Facts, words: dict[str, str]) -> None:
    lines = facts["evidence"]["lines"]
    if lines:
        _heading(sheet, words["evidence"])
        numbers = [json.loads(one["line"])["seq"] for one in lines]
        sheet.paragraph(
            words["evidence_value"].format(
                lines=Count(len(lines)),
                first=numbers[0],
                last=numbers[-1],
                checkpoint=words["covered" if facts["evidence"]["checkpoint"] else "uncovered"],
            )
        )


def _moment(text: str) -> str:
    return wall(datetime.fromisoformat(text)).strftime("%d-%m-%Y %H:%M:%S")


def _day(text: str) -> str:
    year, month, day = text.split("-")
    return f"{day}-{month}-{year}"
