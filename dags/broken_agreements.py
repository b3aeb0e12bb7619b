"""Shows agreement files that cannot be read as an import error: they are seen, and all other regions run on."""

from overstap.agreements import load_all
from overstap.settings import Settings

if broken := load_all(Settings().regions)[1]:
    raise ValueError("\n".join(str(error) for error in broken))
