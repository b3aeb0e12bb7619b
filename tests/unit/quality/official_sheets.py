"""The official sheets under Saxon, with each message named after the rules that the sheet's own comments give it.

The sheets are no part of the repository and are not changed on disk: a copy in memory says a number where the sheet
says a sentence, so that two rules with the same words can be told apart.
"""

import re
from pathlib import Path
from typing import Any

from lxml import etree

_XSL = "{http://www.w3.org/1999/XSL/Transform}"
_RULE = re.compile(r"business rule\s+([A-Za-z]+\.[A-Za-z]*[0-9?]+)")
_LIST = re.compile(r"codelijst\s+(\d+)")


class Sheet:
    """One official sheet.

    Args:
        path: the sheet; what it includes is found beside it.
    """

    def __init__(self, path: Path) -> None:
        import saxonche

        self.rules: dict[int, frozenset[str]] = {}
        trees = [etree.parse(path)]
        top = trees[0].getroot()
        for include in list(top.iter(f"{_XSL}include")):
            part = etree.parse(path.parent / include.get("href")).getroot()
            at = top.index(include)
            top.remove(include)
            for child in reversed(list(part)):
                if not (child.tag == f"{_XSL}output" or child.get("name") in _named(top)):
                    top.insert(at, child)
        said = []
        for call in top.iter(f"{_XSL}call-template"):
            if call.get("name") == "melding":
                number = len(self.rules) + 1
                self.rules[number] = frozenset(_ids(call))
                said.append(call.find(f"{_XSL}with-param"))
        for number, text in enumerate(said, 1):
            text.text = f"#{number}#"
        self._saxon: Any = saxonche.PySaxonProcessor(license=False)
        compiler = self._saxon.new_xslt30_processor()
        self._sheet = compiler.compile_stylesheet(stylesheet_text=etree.tostring(top, encoding="unicode"))

    def messages(self, data: bytes) -> set[int]:
        """Return the numbers of the messages that a dossier gets.

        Raises:
            RuntimeError: the sheet cannot judge it (SaxonC raises its own subclass of it).
        """
        node = self._saxon.parse_xml(xml_text=data.decode("utf-8"))
        said = self._sheet.transform_to_string(xdm_node=node) or ""
        return {int(number) for number in re.findall(r"#(\d+)#", said)}


def _named(top: Any) -> set[str]:
    return {each.get("name") for each in top if isinstance(each.tag, str) and each.get("name")}


def _ids(call: Any) -> set[str]:
    """Return the rules of a message: the code list that it names itself, else those of the comments nearest before."""
    if named := _LIST.search(call.find(f"{_XSL}with-param").text):
        return {f"CL{named[1]}"}
    step = call
    while step is not None:
        found: set[str] = set()
        before = step.getprevious()
        while before is not None and not (found and isinstance(before.tag, str)):
            if not isinstance(before.tag, str) and "<xsl:" not in before.text:
                found |= set(_RULE.findall(before.text))
            before = before.getprevious()
        if found:
            return found
        step = step.getparent()
    return set()
