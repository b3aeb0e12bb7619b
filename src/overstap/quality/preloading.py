"""Reading of the built-in versions of the data set and their rules, before processes are forked that need them.

An added version is left to the process that needs it, since an administrator may change it while others run.
"""

from overstap.oso.catalogue import catalogue
from overstap.oso.version_folders import BUILT_IN, version_folders
from overstap.quality import engine, rulebook


def preload() -> None:
    """Read what each task that reads or judges a dossier would read anew: a twentieth of a second each time."""
    for version in version_folders():
        if (BUILT_IN / version).is_dir():
            catalogue(version)
            engine.layout(version)
            rulebook.rules(version)
            rulebook.order(version)
