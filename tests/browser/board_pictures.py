"""Makes the pictures of the board in docs/images, from filled rounds: `python tests/browser/board_pictures.py`."""

import io
import shutil
import sys
import threading
from datetime import timedelta
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from PIL import Image
from playwright.sync_api import sync_playwright

from overstap.agreements import Milestones, RoundKind
from overstap.bench.board import _Everybody
from overstap.bench.filling import UNDER_WAY, Filling, fill, milestones_around
from overstap.bench.place import bench_place
from overstap.board import addresses
from overstap.board.app import Board, make_app
from overstap.clock import now
from overstap.local import ports
from overstap.settings import PROJECT, Settings
from overstap.synth.agreement import agreement_of, write_agreement
from overstap.synth.region import make_region

IMAGES = PROJECT / "docs" / "images"
REGIONS = {"demo": "Demoregio", "west": "Regio West", "oost": "Regio Oost"}
LAPTOP, PHONE, WIDE = (1280, 860), (390, 844), (1760, 1000)


def main(folder: Path) -> None:
    with bench_place(list(REGIONS), is_durable=False) as place:
        at, ledger, pages = now(), place.ledger(), {}
        for number, (name, title) in enumerate(REGIONS.items()):
            region = make_region(11 + number, 40, 20, 3, today=at.date(), name=name, title=title)
            later = {moment: at + timedelta(days=50 + 9 * step) for step, moment in enumerate(Milestones.model_fields)}
            rounds = {RoundKind.ADVICE: milestones_around(at), RoundKind.PLACEMENT: Milestones(**later)}
            agreement = agreement_of(region, rounds)
            write_agreement(agreement, place.folder / "regions")
            fill(ledger, place.superuser_dsn, agreement, RoundKind.ADVICE, Filling(760, UNDER_WAY, silent_every=19))
            pages[name] = agreement.round_id(RoundKind.ADVICE)
        ledger.close()
        app, port = FastAPI(), ports.any_free()
        settings = Settings(ledger=place.dsn, regions=place.folder / "regions", trust=None)
        for prefix, seen in (("", ["demo"]), ("/alle", list(REGIONS))):
            board = Board(_Everybody(seen), lambda: settings)
            app.mount(prefix + addresses.PREFIX, make_app(board))
        server = uvicorn.Server(uvicorn.Config(app, host=ports.LOOPBACK, port=port, log_level="warning"))
        threading.Thread(target=server.run, daemon=True).start()
        school = agreement.primary_schools[4].id
        here = addresses.round_page(pages["demo"])
        with sync_playwright() as driver:
            browser = driver.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            for picture, path, size, scheme in (
                ("board-home", addresses.home(), LAPTOP, "light"),
                ("board-round", here, LAPTOP, "light"),
                ("board-round-dark", here, WIDE, "dark"),
                ("board-school-phone", addresses.school_page(pages["demo"], school), PHONE, "light"),
                ("board-all-regions", "/alle" + addresses.administration(), LAPTOP, "light"),
            ):
                view = {"width": size[0], "height": size[1]}
                page = browser.new_page(viewport=view, color_scheme=scheme, locale="nl-NL")
                page.goto(f"http://{ports.LOOPBACK}:{port}{path}")
                page.locator("main").wait_for()
                shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
                # A palette is enough for a page, and a quarter of the size.
                shot.quantize(96, dither=Image.Dither.NONE).save(folder / f"{picture}.png", optimize=True)
                page.close()
            browser.close()
        server.should_exit = True


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
