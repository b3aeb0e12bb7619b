"""Forms of a page, as a browser finds them: for the people of the demonstration who use pages."""

from html.parser import HTMLParser


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.hidden: dict[str, dict[str, str]] = {}
        self.names: dict[str, set[str]] = {}
        self._action = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._action = own.get("action", "")
        elif tag == "input" and own.get("type") == "hidden":
            self.hidden.setdefault(self._action, {})[own["name"]] = own.get("value", "")
        elif tag in ("input", "select", "textarea") and own.get("name") and own.get("type") != "file":
            self.names.setdefault(self._action, set()).add(own["name"])


def hidden(page: str, action: str) -> dict[str, str]:
    """Return the hidden fields of the form on a page that is sent there.

    Args:
        page: the page as HTML.
        action: where the form is sent to.
    """
    return _read(page).hidden[action]


def asked(page: str, action: str) -> set[str]:
    """Return the names of the fields that a person can fill in; arguments as of `hidden`."""
    return _read(page).names.get(action, set())


def _read(page: str) -> _Forms:
    forms = _Forms()
    forms.feed(page)
    return forms
