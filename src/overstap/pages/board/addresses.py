"""URL paths of the board's pages; none contains data of a pupil."""

from enum import StrEnum
from urllib.parse import quote

PREFIX = "/rondes"
"""URL prefix at which Airflow mounts the board."""
ROUTE = "rondes"
"""The board's page in Airflow's own frame is `/plugin/<route>`."""


class RoundFile(StrEnum):
    """File of a round, by its name in the path."""

    APPLICATIONS = "aanmeldingen"
    """The applications of the round's region, by pseudonym."""
    INCOMPLETE_PUPILS = "leerlingenlijst"
    """The pseudonyms of pupils of whom something is missing."""
    REPORT = "rondeverslag"
    SCHOOLS = "scholen"
    """The table of schools."""


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


def question(round_id: str, gate: str, number: int) -> str:
    """Return the path of the page of a question to the coordinator.

    Args:
        round_id: the round.
        gate: name of the gate.
        number: number of the gate's question, from 1.
    """
    return f"{round_page(round_id)}/besluit/{quote(gate)}/{number}"


def take_back(round_id: str) -> str:
    """Return the path of the page on which the last decision of a round is taken back."""
    return f"{round_page(round_id)}/terugnemen"


def ask_again(round_id: str, gate: str) -> str:
    """Return the path of the page on which a gate's question is asked again."""
    return f"{round_page(round_id)}/opnieuw-vragen/{quote(gate)}"


def take_up(round_id: str) -> str:
    """Return the path to which a coordinator sends that they look for a receiver for a school's dossiers."""
    return f"{round_page(round_id)}/oppakken"


def take_up_list(round_id: str) -> str:
    """Return the path to which a coordinator sends that they look after a list of a school's pupils."""
    return f"{round_page(round_id)}/lijst-oppakken"


def places(round_id: str, ending: str = "") -> str:
    """Return the path of the page of places, or of a file of it: "plaatsen.csv", "vrij.pdf".

    Args:
        round_id: the round.
        ending: name of the file; empty: the page.
    """
    return f"{round_page(round_id)}/plaatsen{f'/{ending}' if ending else ''}"


def placements(round_id: str) -> str:
    """Return the path of the page with the pupils who are placed at several schools."""
    return f"{round_page(round_id)}/dubbel-geplaatst"


def sent_in_vain(round_id: str) -> str:
    """Return the path of the page with dossiers at schools to which their pupils do not go."""
    return f"{round_page(round_id)}/gaat-elders"


def two_regions(round_id: str, kind: str = "") -> str:
    """Return the path of the page with pupils who applied in another region too, or of its file.

    Args:
        round_id: the round.
        kind: "csv" or "xlsx"; empty: the page.
    """
    return f"{round_page(round_id)}/andere-regio{f'.{kind}' if kind else ''}"


def round_file(round_id: str, file: str, kind: str) -> str:
    """Return the path of a file of a round.

    Args:
        round_id: the round.
        file: one of `RoundFile`.
        kind: "csv" or "xlsx"; of the report "html" or "csv".
    """
    return f"{round_page(round_id)}/{RoundFile(file)}.{kind}"


def agreement_changes(round_id: str) -> str:
    """Return the path of the page with the versions of a round's agreement."""
    return f"{round_page(round_id)}/afspraken"


def calendar(region: str) -> str:
    """Return the path of a region's calendar page."""
    return f"{PREFIX}/agenda/{quote(region)}"


def calendar_file(region: str, school_year: str, name: str) -> str:
    """Return the path of a calendar file.

    Args:
        region: region id.
        school_year: such as "2026-2027".
        name: BRIN with branch of a school, or the region id for all moments.
    """
    return f"{calendar(region)}/{quote(school_year)}/{quote(name)}.ics"


def agreements(region: str) -> str:
    """Return the path of the page with a region's agreement files and drafts."""
    return f"{PREFIX}/afspraken/{quote(region)}"


def draft(region: str, draft_id: object) -> str:
    """Return the path of the page of a draft of an agreement."""
    return f"{agreements(region)}/{quote(str(draft_id))}"


def supervision(region: str) -> str:
    """Return the path of a region's page with acts that wait for a second person, and accounts of schools."""
    return f"{PREFIX}/toezicht/{quote(region)}"


def pupil_search(region: str) -> str:
    """Return the path of the page on which a coordinator looks a pupil up by number, which no path contains."""
    return f"{PREFIX}/leerling/{quote(region)}"


def pupil(region: str, subject: object) -> str:
    """Return the path of a pupil's page.

    Args:
        region: region id.
        subject: id of a dossier, an application or a roster entry of the pupil.
    """
    return f"{pupil_search(region)}/{quote(str(subject))}"


def yearly(region: str, name: str = "") -> str:
    """Return the path of the page with a region's figures of two school years, or of a file of them.

    Args:
        region: region id.
        name: name of the file: "jaarcijfers.csv", "aanmeldingen.xlsx"; empty: the page.
    """
    return f"{PREFIX}/jaarcijfers/{quote(region)}{f'/{name}' if name else ''}"


def guests(round_id: str) -> str:
    """Return the path of the page with schools from outside the region; argument as of `round_page`."""
    return f"{round_page(round_id)}/gasten"


def contacts(round_id: str) -> str:
    """Return the path of the page with whom to call at each school of a round."""
    return f"{round_page(round_id)}/contact"


def contact(round_id: str, party: str) -> str:
    """Return the path of the page with the contact with one party: whom to call, calls, messages.

    Args:
        round_id: the round.
        party: BRIN with branch, or `board:<name>` for a school board.
    """
    return f"{contacts(round_id)}/{quote(party, safe='')}"


def message(round_id: str) -> str:
    """Return the path of the page on which a message to schools is written."""
    return f"{round_page(round_id)}/bericht"


def quality(round_id: str) -> str:
    """Return the path of a round's quality page as a file."""
    return f"{round_page(round_id)}/kwaliteit.html"


def school_list(round_id: str, school: str, kind: str) -> str:
    """Return the path of a school's list of faults as a file.

    Args:
        round_id: the round.
        school: BRIN with branch.
        kind: "html" or "csv".
    """
    return f"{school_page(round_id, school)}/foutenlijst.{kind}"


def framed(base_url: str, path: str) -> str:
    """Return the address at which Airflow shows a page of the board in its own frame, with its navigation beside it.

    Args:
        base_url: where a browser finds Airflow, such as `https://overstap.example.nl`.
        path: a path of this module.
    """
    return f"{base_url.rstrip('/')}/plugin/{ROUTE}{path}"
