"""Access export of one pupil (AVG art. 15): a ZIP with everything that the ledger holds, and an index to read."""

import io
import os
import re
import zipfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic_core import to_json

from overstap.clock import dutch_time, now
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.subject_access import TABLES, SubjectData, collect, find, note_access
from overstap.school_numbers import PARTICIPANT
from overstap.texts import texts, with_counts

INDEX = "LEESMIJ.md"


@dataclass(frozen=True, slots=True)
class AccessExport:
    """What was exported, in numbers."""

    tables: int
    rows: int
    dossiers: int
    unreadable: int


def export(
    ledger: Ledger, *, region: str, number: str, school: str, year: str | None, by: str, out: Path
) -> AccessExport | None:
    """Write everything that the ledger holds of a pupil to a new file with mode 0600.

    The audit lines are committed before anything is read. No name of a file, in the ZIP neither, has personal data.

    Args:
        ledger: the ledger.
        region: region id.
        number: the pupil's BSN or onderwijsnummer.
        school: BRIN with branch of a school that supplied or received data of the pupil.
        year: the school year; None: all.
        by: who answers the request, for the audit chain.
        out: the file; it must not exist.

    Returns:
        What was exported; None when nothing was found, which has an audit line too.

    Raises:
        OverstapError: PRIVACY-001 when the file exists or its folder does not, PRIVACY-003 for no school's number.
    """
    if out.exists() or not out.parent.is_dir():
        raise OverstapError("PRIVACY-001", file=out.name)
    if not re.fullmatch(PARTICIPANT, school):
        raise OverstapError("PRIVACY-003")
    with ledger.unit(region, "privacy access") as unit:
        subject = find(unit, number, school, year)
        note_access(unit, subject, school=school, by=by)
    if subject is None:
        return None
    with ledger.unit(region, "privacy access") as unit:
        data = collect(unit, subject)
    if data is None:
        return None
    content = _packed(data, region=region, school=school, year=year, by=by, at=now())
    _write(out, content)
    rows = sum(len(found) for found in data.tables.values())
    return AccessExport(len(data.tables), rows, len(data.tables.get("dossier", ())), len(data.unreadable))


def _write(out: Path, content: bytes) -> None:
    """Write a new file with mode 0600; nothing is left of it when that fails."""
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError as problem:
        raise OverstapError("PRIVACY-001", file=out.name) from problem
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        out.unlink(missing_ok=True)
        raise


def _packed(data: SubjectData, *, region: str, school: str, year: str | None, by: str, at: datetime) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr(INDEX, _index(data, region=region, school=school, year=year, by=by, at=at))
        for name, rows in data.tables.items():
            pack.writestr(f"json/{name}.json", to_json(rows, indent=2))
        pack.writestr("json/disclosures.json", to_json(data.disclosures, indent=2))
        for place, content in data.files.items():
            pack.writestr(place, content)
    return packed.getvalue()


def _index(data: SubjectData, *, region: str, school: str, year: str | None, by: str, at: datetime) -> str:
    said = texts("privacy/access")
    moment = f"{dutch_time(at):%d-%m-%Y %H:%M}"
    facts = {"region": region, "school": school, "by": by, "at": moment, "year": year or said["all_years"]["nl"]}
    lines = [f"# {said['title']['nl']}", "", said["made"]["nl"].format(**facts), "", said["check"]["nl"], ""]
    lines += [said["limits"]["nl"], "", f"## {said['contents']['nl']}", ""]
    for name in TABLES:
        if rows := data.tables.get(name):
            counted = said["rows"]["nl"].format(**with_counts({"rows": len(rows)}))
            lines.append(f"- {said['tables'][name]['nl']}: `json/{name}.json`, {counted}")
    seen = sum(len(found) for found in data.disclosures.values())
    counted = said["rows"]["nl"].format(**with_counts({"rows": seen}))
    lines.append(f"- {said['disclosures']['nl']}: `json/disclosures.json`, {counted}")
    lines += [f"- {said['file']['nl']}: `{place}`" for place in data.files]
    if data.unreadable:
        lines += ["", f"## {said['unreadable']['nl']}", "", *(f"- `{one}`" for one in data.unreadable)]
    return "\n".join([*lines, ""])
