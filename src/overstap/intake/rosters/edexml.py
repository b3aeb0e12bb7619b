"""Reading of a roster in EDEXML (1.0.3, 2.0, 2.1): the exchange of groups and pupils between schools' systems.

Real files are often invalid by their schema (private additions, missing dates), so that nothing is validated: what can
be read is used, and what cannot is told. EDEXML has no namespace, and 1 for boys: the reverse of OSO.
"""

from datetime import date, datetime
from typing import Any

from lxml import etree

from overstap.clock import NETHERLANDS
from overstap.errors import OverstapError
from overstap.intake.rosters.roster import Roster, RosterPupil, without_doubles, year_group_of
from overstap.oso.identifiers import is_bsn, is_onderwijsnummer
from overstap.oso.initials import initials_of
from overstap.oso.xml_parser import parse_other

LIMIT_BYTES = 30_000_000
_MOST_PUPILS = 20_000
_SEX = {"1": "boy", "2": "girl"}
_NUMBERS = ("bsn", "onderwijsnummer", "sofinummer")


def is_xml(data: bytes) -> bool:
    """Return whether a file looks like XML."""
    return data.lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")[:1] == b"<"


def read_edexml(data: bytes) -> Roster:
    """Read a roster in EDEXML.

    Args:
        data: content of the file.

    Raises:
        OverstapError: INTAKE-080 it is too large; -081 it has a DOCTYPE; -082 it is no well-formed XML; -083 it is
            other XML.
    """
    if len(data) > LIMIT_BYTES:
        raise OverstapError("INTAKE-080", megabytes=LIMIT_BYTES // 1_000_000)
    try:
        root = parse_other(data)
    except (etree.XMLSyntaxError, ValueError) as problem:
        line = getattr(problem, "position", (0, 0))[0]
        raise OverstapError("INTAKE-082", line=line) from None
    if root.getroottree().docinfo.doctype:
        raise OverstapError("INTAKE-081")
    if _name(root) != "EDEX":
        raise OverstapError("INTAKE-083")
    school = _child(root, "school")
    groups = {each.get("key", ""): each for each in _all(root, "groepen", "groep", "samengestelde_groep")}
    found: list[RosterPupil] = []
    skipped: list[tuple[str, str]] = []
    for serial, each in enumerate(_all(root, "leerlingen", "leerling"), start=1):
        if serial > _MOST_PUPILS:
            raise OverstapError("INTAKE-080", megabytes=LIMIT_BYTES // 1_000_000)
        pupil = _pupil(each, f"leerling {serial}", groups)
        if pupil.surname or pupil.first_name or pupil.number:
            found.append(pupil)
        else:
            skipped.append((pupil.label, "INTAKE-086"))
    kept, doubles = without_doubles(found)
    version = _text(school, "xsdversie") or "?"
    return Roster(
        form=f"EDEXML {version}"[:20],
        brin=_text(school, "brincode").upper(),
        branch=_text(school, "dependancecode"),
        school_year=_text(school, "schooljaar"),
        pupils=tuple(kept),
        skipped=(*skipped, *doubles),
        made_at=_moment(_text(school, "aanmaakdatum")),
    )


def _pupil(element: Any, label: str, groups: dict[str, Any]) -> RosterPupil:
    problems = []
    number = ""
    stated = [text for name in _NUMBERS if (text := _text(element, name).replace(".", "").replace(" ", ""))]
    valid = [text for text in stated if is_bsn(text) or is_onderwijsnummer(text)]
    if valid:
        number = valid[0]
    else:
        problems.append("INTAKE-085" if stated else "INTAKE-084")
    born, birth_date = _text(element, "geboortedatum"), None
    if born:
        birth_date = _day(born)
    if birth_date is None:
        problems.append("INTAKE-088")
    reference = _child(element, "groep")
    group = groups.get(reference.get("key", "")) if reference is not None else None
    year_group = year_group_of(_text(element, "jaargroep") or _text(group, "jaargroep"))
    if year_group is None:
        problems.append("INTAKE-097")
    return RosterPupil(
        label=label,
        number=number,
        las_key=element.get("key", ""),
        surname=_text(element, "achternaam"),
        prefix=_text(element, "voorvoegsel"),
        first_name=_text(element, "roepnaam") or _text(element, "voornamen"),
        birth_date=birth_date,
        sex=_SEX.get(_text(element, "geslacht"), ""),
        year_group=year_group or "",
        group=_text(group, "naam"),
        leaves_on=_day(_text(element, "uitstroomdatum")),
        problems=tuple(problems),
        initials=initials_of(_text(element, "voorletters-1"), _text(element, "voornamen")),
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=NETHERLANDS)


def _name(element: Any) -> str:
    """Return the name of an element, whatever its namespace: some systems add one."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _child(element: Any, name: str) -> Any:
    return next((each for each in element if _name(each) == name), None) if element is not None else None


def _all(root: Any, holder: str, *names: str) -> list[Any]:
    above = _child(root, holder)
    return [each for each in above if _name(each) in names] if above is not None else []


def _text(element: Any, name: str) -> str:
    """Return the text of an element's child in one line; empty without one."""
    found = _child(element, name)
    return " ".join((found.text or "").split()) if found is not None else ""
