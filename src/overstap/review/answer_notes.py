"""Notes on a parent's decision, as keys of texts, for the pages and the PDFs: its origin, and whether it counts."""

from typing import Any


def given_by(answer: dict[str, Any]) -> str:
    """Return the key of a decision's origin: this, other (an earlier code of the person), school or family."""
    if answer["by"] != "person":
        return str(answer["by"])
    return "this" if answer["is_this_code"] else "other"


def notes(answer: dict[str, Any]) -> list[str]:
    """Return the keys of the notes on a decision: whether it counts, and what happens with its view."""
    found = ["receipt.carried"] if answer["ground"] == "carried" else []
    if answer["is_earlier"]:
        return [*found, "receipt.earlier_version"]
    if answer["by"] != "person" and not answer["counts"]:
        found.append("receipt.not_counted")
    if answer["has_view"] and not answer["view"]:
        found.append("receipt.view_hidden" if answer["by"] == "family" else "receipt.view_elsewhere")
    if answer["has_view"] and answer["travels"] and not answer["counts"]:
        found.append("receipt.view_goes")
    return found
