"""Reading of an official validation sheet (XSLT or Schematron): its code lists, version numbers and messages.

A sheet is read, not run. What cannot be read from it with certainty is left out and named, so that a person states it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lxml import etree

from overstap.errors import OverstapError
from overstap.oso.xml_parser import parse_other

XSL = "http://www.w3.org/1999/XSL/Transform"
SHEET_LIMIT_BYTES = 20_000_000
_SCHEMATRON = ("http://purl.oclc.org/dsdl/schematron", "http://www.ascc.net/xml/schematron")
_RULE = re.compile(r"business rules?\s+([A-Za-z]+\.[A-Za-z]*[0-9?]+)")
_LIST = re.compile(r"codelijst\s+(\d{1,3})\b", re.IGNORECASE)
_LITERAL = r"""(?:'([^']*)'|"([^"]*)")"""
_OPERAND = r"((?:normalize-space\((?:\.|text\(\))?\)|[\w:./@*-]*text\(\)|[\w:./@*-]+))"
_COMPARED = re.compile(rf"{_OPERAND}\s*=\s*{_LITERAL}")
_ONE_OF = re.compile(rf"{_OPERAND}\s*=\s*\(((?:\s*{_LITERAL}\s*,?)+)\)")
_OWN = re.compile(r"\.|text\(\)|\./text\(\)|normalize-space\((?:\.|text\(\))?\)")
_STRING = re.compile(_LITERAL)
_REST = re.compile(r"\b(?:not|and|or)\b|[\s()]")
_STEP = re.compile(r"(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)$")
_STATED = ("validatieversie", "standaardversie")


@dataclass(slots=True)
class SheetContent:
    """What was read from official sheets.

    Args:
        lists: codes per code list number, in the order of the sheet.
        places: fields (block and name, the block empty where the sheet names none) that are checked against each list.
        unread: numbers of code lists whose codes could not be read with certainty.
        messages: text of each message by the id of its rule; the texts of several messages of one rule are joined.
        namespaces: namespaces that the sheets bind to a prefix.
        validation: required value of metadata/validatieversie; None when the sheets state none or several.
        version: required value of metadata/standaardversie; None when the sheets state none or several.
    """

    lists: dict[str, dict[str, None]] = field(default_factory=dict)
    places: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    messages: dict[str, str] = field(default_factory=dict)
    namespaces: set[str] = field(default_factory=set)
    validation: str | None = None
    version: str | None = None


def read_sheets(paths: Iterable[Path]) -> SheetContent:
    """Read official sheets, with the parts that they include from their own folders.

    Args:
        paths: XSLT or Schematron files.

    Raises:
        OverstapError: STANDARD-001 a file cannot be opened; -007 it is no sheet; -003 it has a DTD; -004 it names a
            file that is not in its folder.
    """
    found = SheetContent()
    stated: dict[str, set[str]] = {name: set() for name in _STATED}
    for path in paths:
        top = stylesheet(path)
        found.namespaces |= {uri for uri in top.nsmap.values() if uri and uri != XSL}
        for prefix in top.iter("{*}ns"):
            if prefix.get("uri"):
                found.namespaces.add(prefix.get("uri"))
        for test, text, element, contexts in _checks(top):
            values, places, _ = _compared(test, contexts)
            for name in _STATED:
                if {field for _, field in places} == {name}:
                    stated[name] |= set(values)
            if number := code_list_in(text):
                _add_codes(found, number, test, contexts)
                rules = {f"CL{number}"}
            else:
                rules = rule_ids(element)
            for rule in sorted(rules):
                said = found.messages.get(rule, "")
                if text and text not in said:
                    found.messages[rule] = f"{said} {text}".strip()
    found.validation, found.version = (
        next(iter(stated[name])) if len(stated[name]) == 1 else None for name in ("validatieversie", "standaardversie")
    )
    for number in found.unread:
        found.lists.pop(number, None)
    return found


def stylesheet(path: Path) -> Any:
    """Return the root element of a sheet, with the files that it includes in their places.

    Raises:
        OverstapError: as `read_sheets`.
    """
    return _with_parts(path, path.resolve().parent, frozenset(), [])


def sheet_parts(path: Path) -> list[Path]:
    """Return a sheet and the files that it includes, all in one folder; raises as `read_sheets`."""
    seen: list[Path] = []
    _with_parts(path, path.resolve().parent, frozenset(), seen)
    return seen


def _with_parts(path: Path, folder: Path, above: frozenset[Path], seen: list[Path]) -> Any:
    try:
        data = path.read_bytes()
    except OSError:
        raise OverstapError("STANDARD-001", file=path.name) from None
    try:
        top = parse_other(data, keeps_comments=True)
    except (etree.XMLSyntaxError, ValueError):
        raise OverstapError("STANDARD-007", file=path.name) from None
    if top.getroottree().docinfo.doctype:
        raise OverstapError("STANDARD-003", file=path.name)
    if len(data) > SHEET_LIMIT_BYTES or etree.QName(top).namespace not in (XSL, *_SCHEMATRON):
        raise OverstapError("STANDARD-007", file=path.name)
    seen.append(path.resolve())
    for each in list(top.iter(f"{{{XSL}}}include", f"{{{XSL}}}import", *(f"{{{ns}}}include" for ns in _SCHEMATRON))):
        named = each.get("href", "")
        other = (path.parent / named).resolve()
        if not named or "://" in named or not other.is_relative_to(folder) or not other.is_file() or other in above:
            raise OverstapError("STANDARD-004", file=path.name, named=named or "-")
        part = _with_parts(other, folder, above | {path.resolve()}, seen)
        _put_in(top, each, part)
    return top


def _put_in(top: Any, place: Any, part: Any) -> None:
    """Replace an include by the children of its part; what the including sheet defines itself takes precedence."""
    parent = place.getparent()
    at = parent.index(place)
    parent.remove(place)
    taken = {each.get("name") for each in top if isinstance(each.tag, str) and each.get("name")}
    for child in reversed(list(part)):
        if child.tag != f"{{{XSL}}}output" and child.get("name") not in taken - {None}:
            parent.insert(at, child)


def code_list_in(text: str) -> str | None:
    """Return the number of the code list that a message names; None when it names none."""
    found = _LIST.search(text)
    return found[1] if found else None


def message_calls(top: Any) -> Iterator[Any]:
    """Yield the elements of a stylesheet that report a message: calls of the template `melding`."""
    for call in top.iter(f"{{{XSL}}}call-template"):
        if call.get("name") == "melding":
            yield call


def _checks(top: Any) -> Iterator[tuple[str, str, Any, list[str]]]:
    """Yield condition, message, element and context (patterns) of each check of a sheet."""
    for call in message_calls(top):
        text = " ".join("".join(call.find(f"{{{XSL}}}with-param").itertext()).split()) if len(call) else ""
        test = next((each.get("test", "") for each in call.iterancestors(f"{{{XSL}}}if", f"{{{XSL}}}when")), "")
        contexts = [
            each.get("select") or each.get("match") or ""
            for each in call.iterancestors(f"{{{XSL}}}for-each", f"{{{XSL}}}template")
        ]
        yield test, text, call, contexts
    for namespace in _SCHEMATRON:
        for each in top.iter(f"{{{namespace}}}assert", f"{{{namespace}}}report"):
            text = " ".join("".join(each.itertext()).split())
            rule = each.getparent()
            yield each.get("test", ""), text, each, [rule.get("context", "") if rule is not None else ""]


def _add_codes(found: SheetContent, number: str, test: str, contexts: list[str]) -> None:
    values, places, is_whole = _compared(test, contexts)
    if not values or not places or not is_whole:
        found.unread.add(number)
        return
    found.lists.setdefault(number, {}).update(dict.fromkeys(values))
    found.places.setdefault(number, set()).update(places)


def _compared(test: str, contexts: list[str]) -> tuple[list[str], set[tuple[str, str]], bool]:
    """Return the texts with which a condition compares one value, the fields that hold it, and whether that is all."""
    values: list[str] = []
    operands: set[str] = set()
    rest = test
    for match in _ONE_OF.finditer(test):
        values += ["".join(each) for each in _STRING.findall(match[2])]
        operands.add(match[1])
    rest = _ONE_OF.sub("", rest)
    for operand, single, double in _COMPARED.findall(rest):
        values.append(single or double)
        operands.add(operand)
    rest = _REST.sub("", _COMPARED.sub("", rest))
    if len(operands) != 1:
        return values, set(), False
    (operand,) = operands
    own = _OWN.fullmatch(operand) is not None
    places = {place for pattern in (contexts[:1] if own else [operand]) for place in _places(pattern)}
    return values, places, not rest


def _places(pattern: str) -> Iterator[tuple[str, str]]:
    """Yield block and field of each alternative of a path, such as `//od:overstapadvies/od:advies`."""
    for path in pattern.split("|"):
        steps = [_STEP.search(step.strip()) for step in path.strip().removesuffix("/text()").split("/")]
        if steps and (last := steps[-1]) is not None:
            above = steps[-2] if len(steps) > 1 else None
            yield (above[1] if above is not None else ""), last[1]


def rule_ids(element: Any) -> set[str]:
    """Return the ids of the rules of a message: its own id or role, or those of the comments nearest before it.

    Args:
        element: the call of a stylesheet that reports the message, or an assertion of Schematron.
    """
    if own := element.get("id"):
        return {own}
    step = element
    while step is not None:
        found: set[str] = set()
        before = step.getprevious()
        while before is not None and not (found and isinstance(before.tag, str)):
            if not isinstance(before.tag, str) and "<xsl:" not in (before.text or ""):
                found |= set(_RULE.findall(before.text or ""))
            before = before.getprevious()
        if found:
            return found
        step = step.getparent()
    return set()
