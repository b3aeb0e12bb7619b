"""Location of the official OSO files, which are not part of the repository."""

from pathlib import Path

from overstap.settings import Settings

VERSION = "2019.1"


def official_folder() -> Path | None:
    """Return OVERSTAP_OFFICIAL, or the folder beside the repository; None when neither holds the official files."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "oso"
    for folder in (Settings().official, beside):
        if folder is not None and (folder / VERSION / "OSO_gegevensset.xsd").is_file():
            return folder
    return None


def official_files(pattern: str) -> list[Path]:
    """Return the official files that match, in order; none when they are not at hand."""
    folder = official_folder()
    return sorted(folder.glob(pattern)) if folder else []
