"""Loading of what each task needs, in the scheduler, before LocalExecutor forks its workers from it."""

from overstap import errors
from overstap.agreements import kinds
from overstap.quality import preloading


def preload() -> None:
    """Load the kinds of sources and channels, the built-in versions with their rules, and the texts of errors."""
    errors.sentences()
    kinds.sources()
    kinds.channels()
    preloading.preload()
