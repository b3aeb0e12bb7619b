"""URL paths of the board's pages; none contains data of a pupil."""

from urllib.parse import quote

PREFIX = "/rondes"
"""URL prefix at which Airflow mounts the board."""
ROUTE = "rondes"
"""The board's page in Airflow's own frame is `/plugin/<route>`."""


def home() -> str:
    """Return the path of the page with all rounds that the account may see."""
    return f"{PREFIX}/"


def administration() -> str:
    """Return the path of the administrator's page."""
    return f"{PREFIX}/beheer"


def self_check() -> str:
    """Return the path of the page with the results of `overstap doctor`."""
    return f"{administration()}/controle"


def round_page(round_id: str) -> str:
    """Return the path of a round's page.

    Args:
        round_id: `<region>.<school year>.<kind>`.
    """
    return f"{PREFIX}/ronde/{quote(round_id)}"


def school_page(round_id: str, school: str) -> str:
    """Return the path of a school's page in a round.

    Args:
        round_id: `<region>.<school year>.<kind>`.
        school: BRIN with branch.
    """
    return f"{round_page(round_id)}/school/{quote(school)}"


def rerun_page(round_id: str, school: str) -> str:
    """Return the path of the page that describes the rerun of one school and starts it on confirmation."""
    return f"{school_page(round_id, school)}/opnieuw"


def export(round_id: str, kind: str) -> str:
    """Return the path of a round's table of schools as a file.

    Args:
        round_id: the round.
        kind: "csv" or "xlsx".
    """
    return f"{round_page(round_id)}/scholen.{kind}"


def report(round_id: str, kind: str) -> str:
    """Return the path of a round's report as a file.

    Args:
        round_id: the round.
        kind: "html" or "csv".
    """
    return f"{round_page(round_id)}/rondeverslag.{kind}"


def quality(round_id: str) -> str:
    """Return the path of a round's quality page as a file."""
    return f"{round_page(round_id)}/kwaliteit.html"


def framed(base_url: str, path: str) -> str:
    """Return the address at which Airflow shows a page of the board in its own frame, with its navigation beside it.

    Args:
        base_url: where a browser finds Airflow, such as `https://overstap.example.nl`.
        path: a path of this module.
    """
    return f"{base_url.rstrip('/')}/plugin/{ROUTE}{path}"
