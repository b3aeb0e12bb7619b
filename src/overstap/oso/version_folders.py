"""Location of the folder of each version of the data set: built in, or added by an administrator.

The built-in versions are in `include/schemas/oso`. An added version is a folder of the same form, made by
`overstap standard add` below the setting `OVERSTAP_STANDARDS`, or else below `standards` in the folder of the regions.
"""

from pathlib import Path

from overstap.resources import INCLUDE
from overstap.settings import Settings
from overstap.texts import read_yaml

BUILT_IN = INCLUDE / "schemas" / "oso"
UNCLASSIFIED = "?"
"""Category of a field of an added version that nobody has classified yet; such a field does not leave."""
_DESCRIPTION = "version.yaml"


def added_folder() -> Path:
    """Return the folder that holds the added versions; it need not exist."""
    settings = Settings()
    return settings.standards or settings.regions / "standards"


def version_folders(built_in: Path = BUILT_IN) -> dict[str, Path]:
    """Return the folder of each version by its number; a built-in version cannot be replaced by an added one.

    Args:
        built_in: folder of the built-in versions; another than the default has no added versions beside it.
    """
    roots = (added_folder(), built_in) if built_in == BUILT_IN else (built_in,)
    return {path.parent.name: path.parent for root in roots for path in sorted(root.glob(f"[0-9]*/{_DESCRIPTION}"))}


def is_added(version: str) -> bool:
    """Return whether a version was added by an administrator."""
    return not (BUILT_IN / version / _DESCRIPTION).is_file()


def official_sheets(version: str) -> tuple[Path, ...]:
    """Return the official validation sheets of a version that are at hand: those it was added with.

    Those of a built-in version are in the folder of the setting `OVERSTAP_OFFICIAL`.
    """
    if not is_added(version):
        official = Settings().official
        return tuple(sorted(official.glob(f"{version}/[OP]*/*.xsl"))) if official is not None else ()
    folder = version_folders()[version]
    stated = read_yaml(folder / _DESCRIPTION).get("official", {})
    return tuple(folder / "official" / each for each in stated.get("sheets", ()))
