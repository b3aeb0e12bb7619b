"""Makes the pictures of the board in docs/images, from filled rounds: `python tests/browser/board_pictures.py`."""

import io
import shutil
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pypdfium2
import uvicorn
from fastapi import FastAPI
from PIL import Image
from playwright.sync_api import sync_playwright

from overstap.agreements import Milestones, RoundKind
from overstap.agreements.model.people import Coordinator
from overstap.clock import now
from overstap.pages.board import addresses
from overstap.pages.board.app import Board, make_app
from overstap.settings import Settings
from overstap.simulation.synthetic.agreement import agreement_of, write_agreement
from overstap.simulation.synthetic.region import make_region
from overstap_tools.bench.board import _StubAirflow
from overstap_tools.bench.filling import UNDER_WAY, Filling, fill, milestones_around
from overstap_tools.bench.sandbox import bench_sandbox
from overstap_tools.local import ports
from overstap_tools.project import PROJECT

IMAGES = PROJECT / "docs" / "images"
REGIONS = {"demo": "Demoregio", "west": "Regio West", "oost": "Regio Oost"}
DECIDED = Coordinator(account="c.jansen", name="Carla Jansen", email="c.jansen@example.org")
"""Who decided by the filling; the board shows a name for an account of the agreement."""
LAPTOP, PHONE, WIDE = (1280, 860), (390, 844), (1760, 1000)


def keep(picture: Image.Image, path: Path) -> None:
    """Write a picture; a palette is enough for a page, and a quarter of the size."""
    picture.convert("RGB").quantize(96, dither=Image.Dither.NONE).save(path, optimize=True)


def main(folder: Path) -> None:
    with bench_sandbox(list(REGIONS), is_durable=False) as place:
        at, ledger, pages = now(), place.ledger(), {}
        for number, (name, title) in enumerate(REGIONS.items()):
            region = make_region(11 + number, 40, 20, 3, today=at.date(), name=name, title=title)
            later = {moment: at + timedelta(days=50 + 9 * step) for step, moment in enumerate(Milestones.model_fields)}
            rounds = {RoundKind.ADVICE: milestones_around(at), RoundKind.PLACEMENT: Milestones(**later)}
            agreement = agreement_of(region, rounds).model_copy(update={"coordinators": (DECIDED,)})
            write_agreement(agreement, place.folder / "regions")
            fill(ledger, place.owner_dsn, agreement, RoundKind.ADVICE, Filling(760, UNDER_WAY, silent_every=19))
            pages[name] = agreement.round_id(RoundKind.ADVICE)
        ledger.close()
        app, port = FastAPI(), ports.any_free()
        settings = Settings(ledger=place.application_dsn, regions=place.folder / "regions", trust=None)
        for prefix, seen in (("", ["demo"]), ("/alle", list(REGIONS))):
            board = Board(_StubAirflow(seen), lambda: settings)
            app.mount(prefix + addresses.PREFIX, make_app(board))
        server = uvicorn.Server(uvicorn.Config(app, host=ports.LOOPBACK, port=port, log_level="warning"))
        threading.Thread(target=server.run, daemon=True).start()
        school = agreement.primary_schools[4].id
        here = addresses.round_page(pages["demo"])
        of_school = addresses.school_page(pages["demo"], school)
        with sync_playwright() as driver:
            browser = driver.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            for picture, path, size, scheme in (
                ("board-home", addresses.home(), LAPTOP, "light"),
                ("board-home-phone", addresses.home(), PHONE, "dark"),
                ("board-round", here, LAPTOP, "light"),
                ("board-round-dark", here, WIDE, "dark"),
                ("board-round-phone", here, PHONE, "light"),
                ("board-school", of_school, LAPTOP, "light"),
                ("board-school-phone", of_school, PHONE, "light"),
                ("board-all-regions", "/alle" + addresses.administration(), LAPTOP, "light"),
                ("board-all-regions-dark", "/alle" + addresses.administration(), WIDE, "dark"),
                ("board-all-regions-phone", "/alle" + addresses.administration(), PHONE, "light"),
            ):
                view = {"width": size[0], "height": size[1]}
                page = browser.new_page(viewport=view, color_scheme=scheme, locale="nl-NL")  # type: ignore[arg-type]
                page.goto(f"http://{ports.LOOPBACK}:{port}{path}")
                page.locator("main").wait_for()
                keep(Image.open(io.BytesIO(page.screenshot())), folder / f"{picture}.png")
                if picture == "board-round":
                    paper = pypdfium2.PdfDocument(page.pdf(format="A4", prefer_css_page_size=True))
                    sheets = [paper[number].render(scale=1.4).to_pil() for number in (0, 1)]
                    both = Image.new("RGB", (sheets[0].width, 2 * sheets[0].height + 16), "#9aa4b1")
                    for number, sheet in enumerate(sheets):
                        both.paste(sheet, (0, number * (sheet.height + 16)))
                    keep(both, folder / "board-round-print.png")
                page.close()
            browser.close()
        server.should_exit = True


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
