"""Cache of parsed agreement files; a file is read again when it changes."""

from pathlib import Path

from overstap.agreements import Agreement
from overstap.agreements.load import agreement_paths, load_agreement
from overstap.errors import OverstapError

_Stamp = tuple[tuple[str, int, int], ...]


class AgreementCache:
    """Cache of the agreements in a folder, for pages, which need them at each request.

    It takes no lock: two requests that need the same changed file both read it, and neither waits.

    Args:
        folder: setting OVERSTAP_REGIONS.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, tuple[_Stamp, Agreement | OverstapError]] = {}

    def regions(self) -> list[str]:
        """Return the ids of the regions that have an agreement, valid or not."""
        return sorted({path.parent.name for path in agreement_paths(self._folder)})

    def of(self, region: str) -> list[Agreement]:
        """Return the valid agreements of a region, the oldest school year first."""
        return self.with_errors(region)[0]

    def with_errors(self, region: str) -> tuple[list[Agreement], list[OverstapError]]:
        """Return the valid agreements of a region, and the errors of those that cannot be read."""
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
