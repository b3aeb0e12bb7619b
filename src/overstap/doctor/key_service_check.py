"""Check of the key services: whether they answer, which keys they hold, and who may ask them."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

from overstap.doctor.finding import Finding, good, unseen, wrong
from overstap.errors import OverstapError
from overstap.key_client import SOCKET, KeyClient
from overstap.ledger.region_keys import load_keys
from overstap.settings import Settings


def findings(settings: Settings) -> Iterator[Finding]:
    """Yield the findings on each socket of a key service that this process can see."""
    places = {}
    if settings.key_service is not None:
        places[settings.key_service.parent.name] = settings.key_service
    if settings.key_sockets is not None:
        places |= {one.name: one / SOCKET for one in sorted(settings.key_sockets.iterdir()) if one.is_dir()}
    if not places:
        yield unseen("key service", "OVERSTAP_KEY_SERVICE and OVERSTAP_KEY_SOCKETS are not set here")
    for client, path in places.items():
        yield from _service(settings, client, path)


def _service(settings: Settings, client: str, path: Path) -> Iterator[Finding]:
    subject = f"key service {client}"
    if not path.exists():
        if client == "desk" and settings.key_service != path:
            yield unseen(subject, "there is no socket: it is not started, as where there is no desk")
        else:
            yield wrong(subject, "there is no socket: the service does not run", "start it, and read its log")
        return
    seen = path.stat()
    if not stat.S_ISSOCK(seen.st_mode):
        yield wrong(subject, "something else stands where its socket should be", "remove it, and start the service")
        return
    for place in (path, path.parent):
        if stat.S_IMODE(place.stat().st_mode) & 0o077:
            said = f"others on this machine may use {place.name}"
            yield wrong(subject, said, f"chmod {'600' if place == path else '700'} {place}, and see who changed it")
            return
    try:
        held = json.loads(KeyClient(path).ask("holds")[1])
    except OverstapError as error:
        yield wrong(subject, f"{error.code}: {error.message_en}", error.do_en)
        return
    if not held:
        yield wrong(subject, "it holds the keys of no region", "overstap ledger keys REGION")
    for region, has in held.items():
        yield _region(settings, f"{subject}, {region}", region, has)


def _region(settings: Settings, subject: str, region: str, has: dict[str, object]) -> Finding:
    if "error" in has:
        return wrong(subject, f"{has['error']}", f"docs/errors.md tells what {has['error']} means")
    if settings.keys is not None and (newest := load_keys(settings.keys, region).newest) != has["newest"]:
        said = f"its newest key is {has['newest']}, and here it is {newest}"
        return wrong(subject, said, "see whether both read the same folder")
    return good(subject, f"{has['keys']}, the newest is {has['newest']}")
