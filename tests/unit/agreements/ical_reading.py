"""A strict reader of iCalendar files, written from RFC 5545 and not from the code that writes them."""

import re
from dataclasses import dataclass, field

_NAME = re.compile(r"[A-Z-]+")
_TEXT_PROPERTIES = {"UID", "SUMMARY", "DESCRIPTION", "CATEGORIES", "NAME", "X-WR-CALNAME"}
_ONCE = {"UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "DESCRIPTION", "TRANSP", "TRIGGER", "ACTION"}


@dataclass
class Component:
    """A component with its properties, as (name, parameters) -> value."""

    name: str
    properties: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    inside: list["Component"] = field(default_factory=list)

    def value(self, name):
        (found,) = [value for each, _, value in self.properties if each == name]
        return found

    def has(self, name):
        return any(each == name for each, _, _ in self.properties)


def read(data: bytes) -> Component:
    """Read a calendar file.

    Raises:
        AssertionError: it breaks a rule of RFC 5545.
    """
    text = data.decode("utf-8", errors="strict")
    assert text.endswith("\r\n"), "3.1: lines end in CRLF"
    assert "\n" not in text.replace("\r\n", ""), "3.1: no bare LF"
    assert "\r" not in text.replace("\r\n", ""), "3.1: no bare CR"
    physical = text.removesuffix("\r\n").split("\r\n")
    for line in physical:
        assert len(line.encode()) <= 75, "3.1: at most 75 octets"
        assert line.strip(), "no empty line"
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", line), "3.1: no control characters"
    lines: list[str] = []
    for line in physical:
        if line.startswith(" "):
            lines[-1] += line[1:]
        else:
            lines.append(line)
    stack: list[Component] = []
    root = None
    for line in lines:
        head, colon, value = line.partition(":")
        assert colon, f"3.1: no colon in {line}"
        name, *parameters = head.split(";")
        assert _NAME.fullmatch(name), name
        if name == "BEGIN":
            component = Component(value)
            (stack[-1].inside.append(component) if stack else None)
            root = root or component
            stack.append(component)
        elif name == "END":
            assert stack.pop().name == value, "3.4: components are nested"
        else:
            if name in _TEXT_PROPERTIES:
                value = _unescaped(value)
            stack[-1].properties.append((name, dict(part.split("=", 1) for part in parameters), value))
    assert root is not None
    assert not stack
    _hold(root)
    return root


def _unescaped(value: str) -> str:
    found, position = "", 0
    while position < len(value):
        if value[position] == "\\":
            after = value[position + 1]
            assert after in "\\;,nN", f"3.3.11: \\{after}"
            found += "\n" if after in "nN" else after
            position += 2
        else:
            assert value[position] not in ";,", "3.3.11: semicolon and comma are escaped"
            found += value[position]
            position += 1
    return found


def _hold(root: Component) -> None:
    assert root.name == "VCALENDAR"
    assert root.value("VERSION") == "2.0", "3.6: VERSION, once"
    assert root.value("PRODID"), "3.6: PRODID, once"
    uids = [event.value("UID") for event in root.inside]
    assert len(set(uids)) == len(uids), "3.8.4.7: UIDs are unique"
    for event in root.inside:
        assert event.name == "VEVENT"
        names = [name for name, _, _ in event.properties]
        assert all(names.count(name) <= 1 for name in _ONCE), "3.6.1: at most once"
        assert re.fullmatch(r"\d{8}T\d{6}Z", event.value("DTSTAMP")), "3.8.7.2: DTSTAMP in UTC"
        _dates(event)
        for alarm in event.inside:
            assert alarm.name == "VALARM"
            assert alarm.value("ACTION") == "DISPLAY"
            assert alarm.value("DESCRIPTION"), "3.6.6: DISPLAY has a DESCRIPTION"
            assert re.fullmatch(r"\d{8}T\d{6}Z", alarm.value("TRIGGER")), "3.8.6.3: absolute triggers are in UTC"


def _dates(event: Component) -> None:
    dates = {name: (parameters, value) for name, parameters, value in event.properties if name in ("DTSTART", "DTEND")}
    for parameters, value in dates.values():
        if parameters.get("VALUE") == "DATE":
            assert re.fullmatch(r"\d{8}", value)
        else:
            assert parameters == {}
            assert re.fullmatch(r"\d{8}T\d{6}Z", value), "3.3.5: form 2, UTC"
    assert "DTSTART" in dates, "3.6.1: DTSTART without METHOD"
    if "DTEND" in dates:
        assert dates["DTEND"][0] == dates["DTSTART"][0], "3.8.2.2: the same type"
        assert dates["DTEND"][1] > dates["DTSTART"][1], "3.8.2.2: later than DTSTART"
