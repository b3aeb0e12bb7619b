"""Check of settings: known names, consistent combinations, and those that a deployment needs."""

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

from overstap.doctor.finding import Finding, good, mind, wrong
from overstap.settings import Settings

_ELSEWHERE = frozenset({"OVERSTAP_RECEIVED"})
"""Environment variables of command options, which are no settings."""


def findings(settings: Settings) -> Iterator[Finding]:
    """Yield the findings on this process's settings."""
    known = {f"OVERSTAP_{name.upper()}" for name in Settings.model_fields} | _ELSEWHERE
    given = {name for name in os.environ if name.startswith("OVERSTAP_")}
    faults = [
        wrong("settings", f"{name} is no setting of Overstap", "look for a typing error; docs/settings.md lists them")
        for name in sorted(given - known)
    ]
    if settings.production and settings.trial:
        faults.append(wrong("settings", "production and trial are both on", "set one of the two in .env"))
    elif settings.trial:
        faults.append(
            mind("settings", "this is a TRIAL: development certificates are accepted", "no real pupil in here, ever")
        )
    elif not settings.production:
        faults.append(wrong("settings", "OVERSTAP_PRODUCTION is not true", "set PRODUCTION=true in .env"))
    address = urlsplit(settings.review_address)
    if address.scheme != "https":
        faults.append(
            wrong("settings", "the parents' pages have no https address", "set REVIEW_ADDRESS=https://... in .env")
        )
    if not settings.administrator_accounts:
        faults.append(mind("settings", "no administrators are named", "set ADMINISTRATORS in .env, then start again"))
    yield from faults
    if not faults:
        yield good("settings", f"{len(given)} settings, all known")
