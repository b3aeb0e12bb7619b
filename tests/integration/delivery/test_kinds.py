"""Conformance tests of the built-in kinds of channel and source."""

from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import pytest

from overstap.agreements import School
from overstap.agreements.kinds import channels, sources
from overstap.clock import now
from overstap.delivery.channels.kit import check_channel
from overstap.delivery.channels.registry import way_of
from overstap.envelope.file_names import revocation_name
from overstap.intake.candidates import Candidate
from overstap.intake.sources.kit import check_source
from overstap.intake.sources.source import SourceContext
from overstap.pki import TrustStore
from overstap.pki.ssh_keys import make_ssh_key

from . import sshd
from .conftest import REGION, SCHOOL


def school(receives: object) -> School:
    return School.model_validate(
        {"id": SCHOOL, "name": "x", "kind": "VO", "contact": "x@example.org", "receives": receives}
    )


@pytest.mark.parametrize("way", ["folder", "page", "pull"])
def test_channels_without_a_server(trust: TrustStore, tmp_path: Path, way: str) -> None:
    one = school({"way": way})
    with way_of(one, region=REGION, trust=trust, at=now(), outbox=tmp_path) as channel:
        identity = check_channel(channels()[way], channel, at=now())
    if way == "folder":
        assert (tmp_path / REGION / SCHOOL / revocation_name(identity)).exists()


def test_push_to_an_endpoint(trust: TrustStore, endpoint) -> None:
    """What is no envelope is refused, and that is an answer: the channel did its work."""
    one = school({"way": "push", "url": endpoint.url})
    with way_of(one, region=REGION, trust=trust, at=now()) as channel:
        check_channel(channels()["push"], channel, at=now())


def test_sftp(trust: TrustStore, trust_folder: Path, tmp_path: Path) -> None:
    server = sshd.start(tmp_path / "sshd", make_ssh_key(trust_folder, REGION))
    try:
        one = school(server.place().model_dump())
        with way_of(one, region=REGION, trust=trust, at=now()) as channel:
            check_channel(channels()["sftp"], channel, at=now())
    finally:
        server.stop()


def test_every_kind_has_a_cell_that_is_its_own() -> None:
    cells = {
        "push": "https://vo.example.org/in",
        "pull": "pull:https://vo.example.org/n",
        "sftp": "sftp://a@vo.example.org/in ssh-ed25519 AAAA",
        "folder": "folder",
        "page": "page",
        "traffic_centre": "traffic_centre:0000000700000YY00931",
    }
    assert cells.keys() == channels().keys()
    for name, cell in cells.items():
        read = {kind.name: block for kind in channels().values() if (block := kind.cell(cell))}
        assert list(read) == [name]
        assert read[name]["way"] == name


def test_the_drop_folder(tmp_path: Path) -> None:
    folder = tmp_path / REGION / "99AB00"
    folder.mkdir(parents=True)
    (folder / "jansen.xml").write_text("<dossier/>")
    (folder / "notes.pdf").write_text("x")
    kind = sources()["drop_folder"]
    one = School.model_validate(
        {"id": "99AB00", "name": "x", "kind": "PO", "contact": "x@example.org", "supplies": {"way": "drop_folder"}}
    )
    at = now() + timedelta(minutes=5)  # by then nobody writes to them any more
    place = SourceContext(one, REGION, at, lambda: tmp_path, lambda: b"k" * 32, lambda name: nullcontext())
    assert one.supplies is not None
    found = check_source(kind, one.supplies, place)
    assert [isinstance(item, Candidate) for item in found] == [True, False]
