"""A good agreement as text, to be spoiled."""

from pathlib import Path

GOOD = """\
region: voorbeeld
name: Voorbeeldregio
school_year: 2026-2027
holiday_region: middle
coordinators:
  - account: c.jansen
    name: C. Jansen
    email: c.jansen@scholen-voorbeeld.nl
schools:
  - id: 99ZZ00
    name: De Voorbeeldschool
    kind: PO
    contact: administratie@scholen-voorbeeld.nl
    supplies: {way: drop_folder}
  - id: 98ZZ00
    name: Het Voorbeeldcollege
    kind: VO
    contact: instroom@scholen-voorbeeld.nl
    receives: {way: push, url: "https://vo.example.org/overstap"}
rounds:
  pre_registration:
    receivers: applied
    categories: [toetsresultaten]
    milestones:
      opens: 2027-01-11 08:00
      data_due: 2027-01-25 17:00
      review_opens: 2027-01-26 08:00
      review_closes: 2027-02-02 17:00
      delivers: 2027-02-03 08:00
      receipts_due: 2027-02-10 17:00
  advice:
    receivers: registered
    categories: [toetsresultaten, verzuim]
    gate_answered_by: [c.jansen]
    reminders: [{of: data_due, days_before: 7}]
    milestones:
      opens: 2027-03-01 08:00
      data_due: 2027-03-16 12:00
      review_opens: 2027-03-16 14:00
      review_closes: 2027-03-24 16:00
      delivers: 2027-03-25 08:00
      receipts_due: 2027-04-06 17:00
occasions:
  - {name: Aanmelding, kind: registration, starts: 2027-03-25 08:00, ends: 2027-03-31 23:59}
  - {name: Uitslag, kind: admission, starts: 2027-04-21 15:30}
"""


def write(folder: Path, text: str = GOOD, region: str = "voorbeeld", school_year: str = "2026-2027") -> Path:
    """Write an agreement file at its place below a folder."""
    path = folder / region / f"{school_year}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def line_of(text: str, part: str) -> int:
    """Return the line, from 1, on which a part of the text begins."""
    return text[: text.index(part)].count("\n") + 1
