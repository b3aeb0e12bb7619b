"""The agreements as they lie in their folder, each read again only when its files have changed."""

from pathlib import Path
from threading import Lock

from overstap.agreements import Agreement
from overstap.agreements.load import agreement_paths, load_agreement
from overstap.errors import OverstapError

_Stamp = tuple[tuple[str, int, int], ...]


class Shelf:
    """Reads agreements for pages, which ask for them often.

    Args:
        folder: setting OVERSTAP_REGIONS.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, tuple[_Stamp, Agreement | OverstapError]] = {}
        self._lock = Lock()

    def regions(self) -> list[str]:
        """Return the ids of the regions that have an agreement, sound or not."""
        return sorted({path.parent.name for path in agreement_paths(self._folder)})

    def of(self, region: str) -> list[Agreement]:
        """Return the sound agreements of a region, the oldest school year first."""
        return [one for one in self._all(region) if isinstance(one, Agreement)]

    def broken(self, region: str) -> list[OverstapError]:
        """Return what is wrong with the agreements of a region that cannot be read."""
        return [one for one in self._all(region) if isinstance(one, OverstapError)]

    def _all(self, region: str) -> list[Agreement | OverstapError]:
        return [self._one(path) for path in agreement_paths(self._folder) if path.parent.name == region]

    def _one(self, path: Path) -> Agreement | OverstapError:
        # An agreement may name a list of schools beside it, so all files of its folder count.
        stamp = tuple(
            (file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in sorted(path.parent.iterdir())
        )
        with self._lock:
            known = self._read.get(path)
            if known is None or known[0] != stamp:
                try:
                    known = (stamp, load_agreement(path))
                except OverstapError as error:
                    known = (stamp, error)
                self._read[path] = known
            return known[1]
