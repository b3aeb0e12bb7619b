"""Cache of agreement files, read again when a file changes."""

from pathlib import Path

from overstap.agreements import Agreement
from overstap.agreements.load import agreement_paths, load_agreement
from overstap.errors import OverstapError

_Stamp = tuple[tuple[str, int, int], ...]


class AgreementCache:
    """Reads agreements for pages, which ask for them often.

    There is no lock: of two pages that need the same new file each reads it, and neither waits.

    Args:
        folder: setting OVERSTAP_REGIONS.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, tuple[_Stamp, Agreement | OverstapError]] = {}

    def regions(self) -> list[str]:
        """Return the ids of the regions that have an agreement, sound or not."""
        return sorted({path.parent.name for path in agreement_paths(self._folder)})

    def of(self, region: str) -> list[Agreement]:
        """Return the sound agreements of a region, the oldest school year first."""
        return self.both(region)[0]

    def both(self, region: str) -> tuple[list[Agreement], list[OverstapError]]:
        """Return the sound agreements of a region, and what is wrong with those that cannot be read."""
        found = [self._one(path) for path in agreement_paths(self._folder, region)]
        return (
            [one for one in found if isinstance(one, Agreement)],
            [one for one in found if isinstance(one, OverstapError)],
        )

    def _one(self, path: Path) -> Agreement | OverstapError:
        # An agreement may name a list of schools beside it, so all files of its folder count.
        stamp = tuple(
            (file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in sorted(path.parent.iterdir())
        )
        known = self._read.get(path)
        if known is None or known[0] != stamp:
            try:
                known = (stamp, load_agreement(path))
            except OverstapError as error:
                known = (stamp, error)
            self._read[path] = known
        return known[1]
