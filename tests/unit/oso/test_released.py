"""Tests that filling in a dossier's bytes gives what reading, filling and writing all of it gives, and no more."""

import random
from datetime import date

import pytest
from generated_dossiers import generate  # type: ignore[import-not-found]

from overstap.oso import released
from overstap.oso.building import build
from overstap.oso.catalogue import PROFILES, versions
from overstap.oso.inspection import with_inspection
from overstap.oso.minimisation import minimise
from overstap.oso.model import Dossier
from overstap.oso.reading import read
from overstap.oso.released import Fill, filled_in
from overstap.oso.writing import content_digest, to_bytes

VIEW = 'Te laag, zegt </dossier> & "<huidigeschool>"\r\n é 🦊'


def inspected(dossier: Dossier) -> Dossier:
    return with_inspection(
        dossier, provisional=True, seen_on=date(2027, 3, 12), agreed="Nee", view=VIEW, consent="Onbekend"
    )


def same(dossier: Dossier) -> Dossier:
    return dossier


@pytest.fixture
def read_bytes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Lengths of what was read."""
    lengths: list[int] = []

    def counted(data: bytes) -> Dossier:
        lengths.append(len(data))
        return read(data)

    monkeypatch.setattr(released, "read", counted)
    return lengths


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("fill", [inspected, same])
def test_the_bytes_are_those_of_the_whole_way(profile: str, fill: Fill, read_bytes: list[int]) -> None:
    for seed in range(20):
        dossier = minimise(generate(random.Random(seed), "2019.1", profile, seed / 20), profile, frozenset())
        for kept in (dossier, inspected(dossier)):
            content = to_bytes(kept)
            found = filled_in(content, content_digest(kept), fill)
            assert found is not None
            assert found.content == to_bytes(fill(read(content)))
            assert found.version == kept.version
            assert read_bytes == [read_bytes[0]], "the beginning alone is read"
            assert read_bytes[0] < len(content)
            read_bytes.clear()


@pytest.mark.parametrize("version", versions())
def test_each_version_has_its_beginning(version: str, read_bytes: list[int]) -> None:
    values = {"metadata": {"overstap": "POVO"}, "overdrachtsoort": "overstapdossier", "huidigeschool": {"naam": "x"}}
    content = to_bytes(build(values, version=version))
    found = filled_in(content, content_digest(read(content)), inspected)
    assert found is not None
    assert found.content == to_bytes(inspected(read(content)))
    assert len(read_bytes) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<naam>x</naam>", b"<naam>y</naam>"),
        (b"POVO", b"POPO"),
        (b"</huidigeschool>", b"</huidigeschool><inzage><akkoord>Ja</akkoord></inzage>"),
        (b"</dossier>", b"<huidigeschool></huidigeschool></dossier>"),
    ],
)
def test_what_is_not_the_released_version_is_not_filled_in(old: bytes, new: bytes) -> None:
    values = {"metadata": {"overstap": "POVO"}, "overdrachtsoort": "overstapdossier", "huidigeschool": {"naam": "x"}}
    dossier = build(values)
    content = to_bytes(dossier)
    digest = content_digest(dossier)
    changed = content.replace(old, new)
    assert changed != content
    found = filled_in(changed, digest, inspected)
    whole = inspected(read(changed))
    assert found == (None if content_digest(whole) != digest else released.WrittenDossier(to_bytes(whole), "2019.1"))


@pytest.mark.parametrize(
    "inner",
    [
        b"<huidigeschool><naam>x</naam></huidigeschool><metadata></metadata>"
        b"<overdrachtsoort>overstapdossier</overdrachtsoort>",
        b"<overdrachtsoort>overstapdossier</overdrachtsoort><metadata></metadata><huidigeschool></huidigeschool>",
        b"<metadata></metadata><huidigeschool></huidigeschool>",
        b"<metadata></metadata><overdrachtsoort>overstapdossier</overdrachtsoort>",
    ],
)
def test_a_beginning_of_another_form_is_read_with_the_rest(inner: bytes, read_bytes: list[int]) -> None:
    known = build({"metadata": {}, "overdrachtsoort": "overstapdossier"}).catalogue
    content = to_bytes(read(b'<dossier xmlns="' + known.namespace.encode() + b'">' + inner + b"</dossier>"))
    dossier = read(content)
    found = filled_in(content, content_digest(dossier), inspected)
    assert found is not None
    assert found.content == to_bytes(inspected(dossier))
    assert read_bytes[-1] == len(content)


def test_white_space_that_is_not_ours_is_written_as_ever() -> None:
    dossier = minimise(generate(random.Random(3)), "POVO", frozenset())
    content = to_bytes(dossier).replace(b"<huidigeschool>", b"\n  <huidigeschool>")
    found = filled_in(content, content_digest(dossier), inspected)
    assert found is not None
    assert found.content == to_bytes(inspected(dossier))
