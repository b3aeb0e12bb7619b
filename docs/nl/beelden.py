"""Takes the guide's pictures from a running demonstration: `python docs/nl/beelden.py` plays one and looks on.

Needs what the tests of pages need (requirements-dev.txt, and Chromium). The pictures show synthetic schools and pupils.
"""

import io
import re
import shutil
import sys
import tempfile
from email import message_from_bytes
from email.policy import default
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console

from overstap.orchestration.gate_names import GATE_OF_TASK
from overstap.pages.board import addresses
from overstap.simulation.synthetic.school import SchoolBehaviour
from overstap_tools.demo.building import Demonstration, Size, build, clear
from overstap_tools.demo.sandbox import ROUND, DemoSandbox
from overstap_tools.demo.story import DAG_ID, Story, tell

SETTLES_MS = 6_000
"""How long a page gets to be drawn after it was loaded."""
OUT = Path(__file__).with_name("beeld")
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_PLACE = re.compile(r"<!-- beeld ([a-z-]+): (.*?) -->")
"""A place for a picture that was never taken yet, with what it shows."""
_SHOWN = re.compile(r"\]\(beeld/([a-z-]+)\.png\)")
_OF_A_WALK = "papier-"
"""Pictures of a page that a test walks and takes itself (tests/browser/test_school_with_paper.py)."""
GATES = {
    "release": "vrijgeven",
    "release_for_delivery": "leveren",
    "accept_undeliverable": "aanvaarden",
}
"""The picture of each question."""


class Photographer:
    """Looks at Airflow with the coordinator's account, as the story goes.

    Args:
        browser: a browser.
        demonstration: the demonstration.
    """

    def __init__(self, browser: Browser, demonstration: Demonstration) -> None:
        self.demonstration = demonstration
        self.round_id = demonstration.agreement.round_id(ROUND)
        # As a Dutch coordinator's laptop shows it
        context = browser.new_context(
            locale="nl-NL", timezone_id="Europe/Amsterdam", viewport={"width": 1280, "height": 880}
        )
        context.set_default_timeout(240_000)
        self.page: Page = context.new_page()
        self.taken: set[str] = set()
        self._sign_in()

    def __call__(self, moment: str) -> None:
        """Take what there is to see at a moment of the story."""
        late, faulty = (
            next(one.id for one in self.demonstration.region.primary if one.behaviour is behaviour)
            for behaviour in (SchoolBehaviour.LATE, SchoolBehaviour.FAULTY)
        )
        if moment == "gate.release" and "rondes" not in self.taken:
            self.board("rondes", addresses.home())
        if moment.startswith("gate.") and GATES.get(moment.removeprefix("gate.")) not in {None, *self.taken}:
            self.question(moment.removeprefix("gate."))
        if moment == "review" and "inzage" not in self.taken:
            self.board("inzage", addresses.round_page(self.round_id))
        if moment == "late":
            self.board("ronde", addresses.round_page(self.round_id))
            self.board("te-laat", addresses.school_page(self.round_id, late))
            self.board("opnieuw", addresses.rerun_page(self.round_id, late))
            self.board("school", addresses.school_page(self.round_id, faulty))
            self.contact(late)
            self.message()
        if moment == "end":
            self.take("raster", f"/dags/{DAG_ID}")
            self.mail()

    def board(self, name: str, path: str) -> None:
        """Take a page of the board in Airflow's frame."""
        self._open(addresses.framed("", path))
        self.page.frame_locator("iframe").locator("main h1").first.wait_for()
        self._shoot(name)

    def question(self, task: str) -> None:
        """Take a question with its figures and its answers, on the board."""
        self.board(GATES[task], addresses.question(self.round_id, GATE_OF_TASK[task], 1))

    def contact(self, school: str) -> None:
        """Take whom to call at a school and what was said, after filling both in."""
        self._open(addresses.framed("", addresses.contact(self.round_id, school)))
        frame = self.page.frame_locator("iframe")
        for label, value in (("Naam", "Marja Jansen"), ("Functie", "intern begeleider"), ("Telefoon", "070 123 45 67")):
            frame.get_by_label(label, exact=True).fill(value)
        frame.get_by_role("button", name="Bewaren", exact=True).click()
        frame.get_by_text("Bewaard.").wait_for()
        frame.get_by_label("Wat is er besproken").fill("De export lukt niet. De leverancier belt vanmiddag terug.")
        frame.get_by_role("button", name="Gesprek vastleggen").click()
        frame.get_by_text("belde met Marja Jansen").wait_for()
        self._shoot("contact")

    def message(self) -> None:
        """Take the preview of a message to the schools that are late; it is not sent."""
        self._open(addresses.framed("", f"{addresses.message(self.round_id)}?toon=te-laat"))
        frame = self.page.frame_locator("iframe")
        frame.get_by_label("Onderwerp").fill("Aanleveren voor de overstap")
        frame.get_by_label("Bericht", exact=True).fill("Wilt u vandaag nog aanleveren?\nLukt het niet? Bel mij.")
        frame.get_by_role("button", name="Voorbeeld bekijken").click()
        frame.get_by_role("button", name="Versturen").wait_for()
        self._shoot("bericht-schrijven")

    def mail(self) -> None:
        """Take the coordinator's longest mail as a mail program shows it."""
        box = self.demonstration.sandbox.mails / self.demonstration.agreement.coordinators[0].email
        longest = max(box.glob("*.eml"), key=lambda path: path.stat().st_size)
        body = message_from_bytes(longest.read_bytes(), policy=default).get_body(("html",))
        self.page.set_viewport_size({"width": 760, "height": 900})
        self.page.set_content(str(body.get_content()) if body is not None else "")
        self._shoot("bericht")

    def take(self, name: str, path: str) -> None:
        """Take a page of Airflow once its tasks are drawn."""
        self._open(path)
        self.page.get_by_text("Ronde openen").first.wait_for()
        self._shoot(name)

    def _open(self, path: str) -> None:
        """Open a page of Airflow and wait until it has its Dutch words; it asks on for ever, so it is never idle."""
        self.page.goto(f"{self.demonstration.airflow.address}{path}")
        self.page.get_by_text("Verken", exact=True).first.wait_for()
        self.page.wait_for_timeout(SETTLES_MS)

    def _shoot(self, name: str) -> None:
        OUT.mkdir(exist_ok=True)
        shot = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        # A palette is enough for a page, and a third of the size.
        shot.quantize(128, dither=Image.Dither.NONE).save(OUT / f"{name}.png", optimize=True)
        self.page.goto("about:blank")  # an open page of Airflow keeps asking
        self.taken.add(name)

    def _sign_in(self) -> None:
        self.page.goto(f"{self.demonstration.airflow.address}/")
        self.page.fill("input[name=username]", self.demonstration.coordinator)
        self.page.fill("input[name=password]", self.demonstration.airflow.password(self.demonstration.coordinator))
        self.page.keyboard.press("Enter")
        self.page.get_by_text("Verken", exact=True).first.wait_for()


def main() -> None:
    """Play a demonstration in a folder of its own and take every picture; exit 1 when one is missing."""
    console = Console()
    program = next(path for path in map(shutil.which, _NAMES) if path)
    sandbox = DemoSandbox(Path(tempfile.mkdtemp(prefix="overstap-beelden-")) / "demo")
    try:
        demonstration = build(sandbox, Size(48, 5), port=None, tell=lambda name: tell(console, name))
        story = Story(demonstration, console, asks_person=False)
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=program, args=list(_QUIET))
            photographer = Photographer(browser, demonstration)
            story.at = photographer
            story.play()
            browser.close()
    finally:
        if sandbox.folder.exists():
            clear(sandbox)
        shutil.rmtree(sandbox.folder.parent)
    wanted = _show(photographer.taken)
    missing = wanted - photographer.taken
    console.print(f"{len(photographer.taken)} -> {OUT}", f"missing: {sorted(missing)}" if missing else "")
    sys.exit(1 if missing else 0)


def _show(taken: set[str]) -> set[str]:
    """Let the guide's pages show what was taken, where they have a place for it; return all they have places for."""
    wanted: set[str] = set()
    for page in sorted(Path(__file__).parent.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        for name, said in _PLACE.findall(text):
            wanted.add(name)
            if name in taken:
                text = text.replace(f"<!-- beeld {name}: {said} -->", f"![{said}](beeld/{name}.png)")
        wanted |= {name for name in _SHOWN.findall(text) if not name.startswith(_OF_A_WALK)}
        page.write_text(text, encoding="utf-8")
    return wanted


if __name__ == "__main__":
    main()
