"""Coverage-guided fuzzing of the reader, its checks and cutting, with Atheris (libFuzzer).

    pip install atheris
    python tests/fuzz/fuzz_dossier.py CORPUS_FOLDER -max_total_time=600 -rss_limit_mb=1024

Anything but a dossier or an error with a code ends the run, and libFuzzer keeps the input. A find goes into
`tests/unit/oso/hostile.py` by a name, with the code it must give. The folder is filled with dossiers to begin with.
"""

import random
import re
import sys
from datetime import date
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests" / "unit" / "oso")]

with atheris.instrument_imports(include=["overstap"]):
    from overstap.errors import OverstapError
    from overstap.oso.catalogue import PROFILES, versions
    from overstap.oso.minimisation import minimise
    from overstap.oso.reading import read
    from overstap.oso.structure import check
    from overstap.oso.writing import content_digest, to_bytes
    from overstap.quality.rules import judge

TODAY = date(2027, 3, 1)


def one(data: bytes) -> None:
    """Take one input all the way; whatever is read can be judged, cut, written, and read again as the same."""
    try:
        dossier = read(data)
    except OverstapError:
        return
    check(dossier)
    judge(dossier, today=TODAY)
    try:
        small = minimise(dossier, dossier.profile or "POVO", frozenset({"verzuim", "bijlagedocs"}))
    except OverstapError:
        return
    again = read(to_bytes(small))
    if content_digest(again) != content_digest(small) or again.tree != small.tree:
        raise AssertionError("a cut dossier does not come back as it was written")


def seed(folder: Path) -> None:
    """Fill a corpus with dossiers of each version and profile, and with the hostile files that are known."""
    from generated_dossiers import generate
    from hostile import HARMLESS, HOSTILE

    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(1)
    for version in versions():
        for profile in PROFILES:
            for density in (0.0, 0.2):
                made = to_bytes(generate(chance, version, profile, density))
                (folder / f"{version}-{profile}-{density}.xml").write_bytes(made)
    known = {name: make() for name, (_, make) in HOSTILE.items()} | {name: make() for name, make in HARMLESS.items()}
    for name, data in known.items():
        if len(data) < 20_000:
            (folder / f"{re.sub('[^a-zA-Z0-9]+', '-', name)}.xml").write_bytes(data)


if __name__ == "__main__":
    folders = [Path(word) for word in sys.argv[1:] if not word.startswith("-")]
    if folders and not any(folders[0].glob("*")):
        seed(folders[0])
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
