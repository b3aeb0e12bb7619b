"""PDF of a proof pack, with the facts of its JSON file."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from overstap.clock import dutch_time, format_moment
from overstap.pdf import PdfDocument
from overstap.pdf.document import SOFT
from overstap.texts import Count, texts

Facts = dict[str, Any]
Named = Callable[[str | None], str]


def proof_page(facts: Facts, names: Mapping[str, str], at: datetime) -> bytes:
    """Return a proof pack as PDF.

    Args:
        facts: as `overstap.ledger.review.proof.inspection_facts` returns them, with the facts that the pack adds.
        names: name of each person by handle.
        at: the present moment, aware.
    """
    words = _words("proof")

    def named(person: str | None) -> str:
        if person is None:
            return words["family"]
        return names.get(person) or words["unknown_person"].format(person=person[:8])

    pdf = PdfDocument(words["title"], words["title"])
    pdf.add_page()
    pdf.heading(words["title"])
    pdf.set_style(size=9, colour=SOFT)
    pdf.paragraph(words["made"].format(moment=format_moment(at), by=facts["made_by"]))
    pdf.set_style()
    pdf.paragraph(words["lead"].format(region=facts["region"]))
    _about(pdf, facts, words)
    _people(pdf, facts, words, named)
    _answers(pdf, facts, words, named)
    _requests(pdf, facts, words, named)
    _deliveries(pdf, facts, words)
    _opened(pdf, facts, words, named)
    _evidence(pdf, facts, words)
    return pdf.to_bytes()


def _words(part: str) -> dict[str, str]:
    return {name: text["nl"] for name, text in texts("invitations/paper")[part].items()}


def _heading(pdf: PdfDocument, text: str) -> None:
    pdf.ln(4)
    pdf.heading(text, size=13, after=1)


def _state(name: str) -> str:
    return _words("states").get(name, name)


def _about(pdf: PdfDocument, facts: Facts, words: dict[str, str]) -> None:
    _heading(pdf, words["about"])
    pdf.pairs([(words["pupil"], facts["pupil"])])
    pdf.pairs([(words["school"], f"{facts['school']['name']} ({facts['school']['id']})")])
    pdf.pairs([(words["round"], facts["round"])])
    pdf.pairs([(words["dossier"], facts["dossier"])])
    pdf.pairs([(words["state"], facts["state"])])
    if facts["review_closes_at"]:
        first = next((one["released_at"] for one in facts["versions"] if one["released_at"]), None)
        since = facts["review_opens_at"] or first  # without a moment of its own the review opens at the release
        opens, closes = _moment(since) if since else "\u2026", _moment(facts["review_closes_at"])
        pdf.pairs([(words["window"], words["window_value"].format(opens=opens, closes=closes))])

    _heading(pdf, words["versions"])
    for one in facts["versions"]:
        released = (
            words["released_value"].format(moment=_moment(one["released_at"]), by=one["released_by"])
            if one["released_at"]
            else words["not_released"]
        )
        value = words["version_value"].format(
            taken=_moment(one["taken_in_at"]), released=released, digest=one["content_sha256"]
        )
        pdf.pairs([(words["version"].format(number=one["number"]), value)])


def _people(pdf: PdfDocument, facts: Facts, words: dict[str, str], named: Named) -> None:
    _heading(pdf, words["people"])
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
        pdf.pairs([(named(person), "\n".join(lines) or words["nothing"])])


def _answers(pdf: PdfDocument, facts: Facts, words: dict[str, str], named: Named) -> None:
    _heading(pdf, words["answers"])
    if not facts["answers"]:
        pdf.paragraph(words["no_answers"])
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
        pdf.pairs([(named(one["person"]), value)])
        if not one["counts"]:
            pdf.pairs([(words["replaced"], words["replaced_value"])], indent=4)
        if one["view"]:
            heading = words["view" if one["view_travels"] else "view_stays"]
            pdf.pairs([(heading, one["view"])], indent=4)
        if one["note"]:
            pdf.pairs([(words["note"], one["note"])], indent=4)


def _requests(pdf: PdfDocument, facts: Facts, words: dict[str, str], named: Named) -> None:
    if facts["requests"]:
        _heading(pdf, words["requests"])
    for one in facts["requests"]:
        answer = f"\n\u2192 {one['answer']}" if one["answer"] else ""
        value = words["request_value"].format(
            text=one["text"],
            asked=_moment(one["asked_at"]),
            due=_moment(one["due_at"]),
            state=_state(one["state"]),
            answer=answer,
        )
        pdf.pairs([(f"{words[one['kind']]}\n{named(one['person'])}", value)])


def _deliveries(pdf: PdfDocument, facts: Facts, words: dict[str, str]) -> None:
    _heading(pdf, words["deliveries"])
    if not facts["deliveries"]:
        pdf.paragraph(words["no_deliveries"])
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
        pdf.pairs([(f"{one['to']['name']} ({one['to']['id']})", value)])


def _opened(pdf: PdfDocument, facts: Facts, words: dict[str, str], named: Named) -> None:
    _heading(pdf, words["opened"])
    if not facts["opened"]:
        pdf.paragraph(words["nobody_opened"])
    where = _words("where")
    for one in facts["opened"]:
        reader = named(one["person"]) if one["person"] else one["by"]
        version = words["version"].format(number=one["version"])
        pdf.pairs([(_moment(one["at"]), f"{reader}: {where[one['where']]} ({version})")])


def _evidence(pdf: PdfDocument, facts: Facts, words: dict[str, str]) -> None:
    lines = facts["evidence"]["lines"]
    if lines:
        _heading(pdf, words["evidence"])
        numbers = [json.loads(one["line"])["seq"] for one in lines]
        pdf.paragraph(
            words["evidence_value"].format(
                lines=Count(len(lines)),
                first=numbers[0],
                last=numbers[-1],
                checkpoint=words["covered" if facts["evidence"]["checkpoint"] else "uncovered"],
            )
        )


def _moment(text: str) -> str:
    return dutch_time(datetime.fromisoformat(text)).strftime("%d-%m-%Y %H:%M:%S")


def _day(text: str) -> str:
    year, month, day = text.split("-")
    return f"{day}-{month}-{year}"
