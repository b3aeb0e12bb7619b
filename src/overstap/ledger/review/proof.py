"""Recorded facts of one dossier's inspection for the proof pack: ids, moments, and decrypted texts of persons."""

import base64
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from overstap.ledger.region_keys import EncryptedContent
from overstap.ledger.review import access_log, parent_requests
from overstap.ledger.session import UnitOfWork


def inspection_facts(unit: UnitOfWork, dossier: UUID) -> dict[str, Any]:
    """Return the facts of a dossier, ready for JSON: moments in ISO 8601 with their zone, digests in hex.

    Args:
        unit: the transaction.
        dossier: id of the dossier.
    """
    return {
        "dossier": str(dossier),
        **_head(unit, dossier),
        "versions": _versions(unit, dossier),
        "entitled": _entitled(unit, dossier),
        "letters": _letters(unit, dossier),
        "mails": _mails(unit, dossier),
        "opened": [
            {
                "version": one.number,
                "at": one.opened_at.isoformat(),
                "by": one.opened_by,
                "person": one.person,
                "where": one.purpose,
            }
            for one in access_log.opened(unit, dossier)
        ],
        "answers": _answers(unit, dossier),
        "requests": [
            {
                "version": one.ref.number,
                "person": one.person,
                "kind": one.kind,
                "text": one.text,
                "asked_at": one.asked_at.isoformat(),
                "due_at": one.due_at.isoformat(),
                "state": one.state,
                "answer": one.answer,
                "settled_by": one.settled_by,
                "settled_at": one.settled_at.isoformat() if one.settled_at else None,
            }
            for one in parent_requests.of_dossier(unit, dossier)
        ],
        "window": _window(unit, dossier),
        "states": _states(unit, dossier),
        "deliveries": _deliveries(unit, dossier),
        "evidence": _evidence(unit, dossier),
    }


def facts_for_person(facts: dict[str, Any], person: str) -> dict[str, Any]:
    """Return those of a dossier's facts that one person may have, without acts of and mails to other persons.

    The dossier's states are left out too, since their moments show when somebody else decided; of the audit lines only
    the person's own are kept.

    Args:
        facts: as `inspection_facts` returns them.
        person: handle of the person.
    """
    own = dict(facts)
    del own["states"]
    for name in ("entitled", "letters", "mails", "requests"):
        own[name] = [one for one in facts[name] if one["person"] == person]
    # That somebody asked for access to the data may be an act of another person
    own["opened"] = [
        one | {"where": "command"} if one["where"] == "subject_access" else one
        for one in facts["opened"]
        if one["person"] in (None, person)
    ]
    # A decision recorded for the family counts for each of its persons; whose words its view has is unknown.
    own["answers"] = [
        one if one["person"] else one | {"view": None, "note": None}
        for one in facts["answers"]
        if one["person"] in (None, person)
    ]
    lines = [one for one in facts["evidence"]["lines"] if json.loads(one["line"])["detail"].get("person") == person]
    own["evidence"] = facts["evidence"] | {"lines": lines}
    return own


def _head(unit: UnitOfWork, dossier: UUID) -> dict[str, Any]:
    round_id, school, name, state, opens_at, closes_at, digest = unit.one(
        "select d.round_id, d.primary_school, s.name, t.dutch, d.review_opens_at, d.review_closes_at, "
        "r.agreement_digest from overstap.dossier d join overstap.state t using (state) "
        "join overstap.round r on r.round_id = d.round_id "
        "join overstap.school s on s.region = d.region and s.school = d.primary_school where d.dossier = %(id)s",
        id=dossier,
    )
    return {
        "region": unit.region,
        "round": round_id,
        "agreement": digest,
        "school": {"id": school, "name": name},
        "state": state,
        "review_opens_at": _iso(opens_at),
        "review_closes_at": _iso(closes_at),
    }


def _versions(unit: UnitOfWork, dossier: UUID) -> list[dict[str, Any]]:
    return [
        {
            "number": number,
            "content_sha256": digest.hex(),
            "taken_in_at": created_at.isoformat(),
            "released_by": released_by,
            "released_at": _iso(released_at),
            "shown_sha256": shown.hex() if shown else None,
            "shown_from": _iso(frozen_at),
        }
        for number, digest, created_at, released_by, released_at, shown, frozen_at in unit.rows(
            "select v.number, v.content_digest, v.created_at, g.decided_by, g.decided_at, f.digest, f.frozen_at "
            "from overstap.dossier_version v left join overstap.gate_decision g on g.gate_decision = v.released_by "
            "left join overstap.review_frozen f on f.dossier = v.dossier and f.number = v.number "
            "where v.dossier = %(id)s order by v.number",
            id=dossier,
        )
    ]


def _entitled(unit: UnitOfWork, dossier: UUID) -> list[dict[str, Any]]:
    return _listed(
        *(unit, dossier, ("version", "person", "kind", "since")),
        "select number, person, kind, added_at from overstap.entitled where dossier = %(id)s order by number, person",
    )


def _letters(unit: UnitOfWork, dossier: UUID) -> list[dict[str, Any]]:
    return _listed(
        *(unit, dossier, ("version", "person", "printed_by", "printed_at")),
        "select number, person, printed_by, printed_at from overstap.letter_print where dossier = %(id)s "
        "order by printed_at",
    )


def _mails(unit: UnitOfWork, dossier: UUID) -> list[dict[str, Any]]:
    return [
        {
            "version": number,
            "person": person,
            "days_before": days,
            "state": mailed if state == "made" and mailed else state,
            "reason": reason,
            "made_at": made_at.isoformat(),
            "settled_at": _iso(settled_at),
        }
        for number, person, days, state, reason, made_at, mailed, settled_at in unit.rows(
            "select i.number, i.person, i.days_before, i.state, i.reason, i.made_at, m.state, m.settled_at "
            "from overstap.invitation i left join overstap.mail m on m.region = i.region and m.meaning = "
            "concat_ws('/', 'invitation', i.dossier, i.number, i.person, i.days_before) "
            "where i.dossier = %(id)s and i.channel = 'email' order by i.made_at, i.person",
            id=dossier,
        )
    ]


def _answers(unit: UnitOfWork, dossier: UUID) -> list[dict[str, Any]]:
    found = []
    for number, person, seen_on, agreed, consent, key, view, note_key, note, by, ground, dutch, at, *way in unit.rows(
        "select r.number, r.person, r.seen_on, r.agreed, r.consent, r.key_id, r.view, r.note_key_id, r.note, "
        "r.recorded_by, r.ground, g.dutch, r.recorded_at, r.access, c.decides, c.travels "
        "from overstap.review_decision r "
        "join overstap.review_ground g using (ground) join overstap.counted_decision c using (review_decision) "
        "where r.dossier = %(id)s order by r.recorded_at, r.review_decision",
        id=dossier,
    ):
        at_version = f"{dossier}/{number}"
        found.append(
            {
                "version": number,
                "person": person,
                "seen_on": seen_on.isoformat(),
                "agreed": agreed,
                "consent": consent,
                "view": unit.keys.decrypt(EncryptedContent(key, view), f"view/{at_version}").decode() if view else None,
                "note": unit.keys.decrypt(EncryptedContent(note_key, note), f"note/{at_version}").decode()
                if note
                else None,
                "recorded_by": by,
                "ground": ground,
                "ground_nl": dutch,
                "recorded_at": at.isoformat(),
                # The code with which it was given; None: recorded by the school
                "code": str(way[0]) if way[0] else None,
                "counts": way[1],
                "view_travels": way[2],
            }
        )
    return found


def _window(unit: UnitOfWork, dossier: UUID) -> list[dict[str, Any]]:
    return _listed(
        *(unit, dossier, ("choice", "closes_at", "by", "reason", "at")),
        "select w.choice, w.closes_at, g.decided_by, g.reason, g.decided_at from overstap.window_decision w "
        "join overstap.gate_decision g using (gate_decision) join overstap.dossier d on d.round_id = w.round_id "
        "and d.primary_school = w.school where d.dossier = %(id)s order by g.decided_at",
    )


def _states(unit: UnitOfWork, dossier: UUID) -> list[dict[str, Any]]:
    return _listed(
        *(unit, dossier, ("transition", "to", "by", "at")),
        "select transition, to_state, actor, at from overstap.dossier_event where dossier = %(id)s order by at",
    )


def _deliveries(unit: UnitOfWork, dossier: UUID) -> list[dict[str, Any]]:
    return [
        {
            "message_id": str(message_id),
            "version": number,
            "to": {"id": school, "name": name},
            "sealed_at": sealed_at.isoformat(),
            "state": state,
            "attempts": attempts,
            "settled_at": _iso(settled_at),
            "envelope_sha256": envelope.hex(),
            "manifest_sha256": manifest.hex(),
            "receipts": [
                {
                    "outcome": outcome,
                    "code": code,
                    "received_at": received_at.isoformat(),
                    "cms_base64": base64.b64encode(content).decode(),
                }
                for outcome, code, received_at, content in unit.rows(
                    "select outcome, code, received_at, content from overstap.receipt where message_id = %(id)s "
                    "order by received_at",
                    id=message_id,
                )
            ],
        }
        for message_id, number, school, name, sealed_at, state, attempts, settled_at, envelope, manifest in unit.rows(
            "select l.message_id, l.number, l.secondary_school, s.name, l.sealed_at, l.state, l.attempts, "
            "l.settled_at, l.envelope_digest, l.manifest_digest from overstap.delivery l "
            "join overstap.school s on s.region = l.region and s.school = l.secondary_school "
            "where l.dossier = %(id)s order by l.sealed_at, l.secondary_school",
            id=dossier,
        )
    ]


def _evidence(unit: UnitOfWork, dossier: UUID) -> dict[str, Any]:
    """Return the dossier's lines of the region's chain, and the first signed checkpoint that covers them all."""
    lines = [
        {"line": payload, "sha256": digest.hex()}
        for payload, digest in unit.rows(
            "select payload, hash from overstap.audit_line where payload::jsonb ->> 'subject' = any(%(subjects)s) "
            "or payload::jsonb -> 'detail' ->> 'of' like %(versions)s order by seq",
            versions=f"{dossier}/%",
            subjects=[
                *(f"{dossier}/{number}" for number in range(1, 1 + _last(unit, dossier))),
                *(str(row[0]) for row in unit.rows(
                    "select message_id from overstap.delivery where dossier = %(id)s", id=dossier
                )),
            ],
        )
    ]  # fmt: skip
    covering = unit.rows(
        "select payload, signature, certificate from overstap.audit_checkpoint where up_to >= "
        "(select coalesce(max(seq), 0) from overstap.audit_line where payload::jsonb ->> 'subject' like %(like)s) "
        "order by up_to limit 1",
        like=f"{dossier}/%",
    )
    return {
        "lines": lines,
        "checkpoint": {
            "payload": covering[0][0],
            "signature_base64": base64.b64encode(covering[0][1]).decode(),
            "certificate_base64": base64.b64encode(covering[0][2]).decode(),
        }
        if covering
        else None,
    }


def _last(unit: UnitOfWork, dossier: UUID) -> int:
    return int(unit.one("select version from overstap.dossier where dossier = %(id)s", id=dossier)[0])


def _listed(unit: UnitOfWork, dossier: UUID, names: Sequence[str], query: str) -> list[dict[str, Any]]:
    """Return the rows of a query about a dossier as facts by name."""
    rows = unit.rows(query, id=dossier)
    return [
        {name: _iso(value) if isinstance(value, datetime) else value for name, value in zip(names, row, strict=True)}
        for row in rows
    ]


def _iso(moment: Any) -> str | None:
    return moment.isoformat() if moment is not None else None
