"""The recipes of CONTRIBUTING.md, each done in a copy of the project: it works, and touches five files at most."""

import re
from pathlib import Path

import pytest
import yaml
from recipes import Copy, copied, install_package

from overstap_tools.project import PROJECT

MAX_FILES = 5

SOURCE = '''"""A source that reads one file per school, a dossier a line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from overstap.agreements.kinds import SourceKind
from overstap.agreements.model.supplying import SupplyingPart
from overstap.intake.candidates import Candidate
from overstap.intake.refusals import RefusedItem
from overstap.intake.sources.source import SourceContext


class LinesFile(SupplyingPart):
    """One file per school."""

    way: Literal["lines_file"]
    name: str


@contextmanager
def _open(supplies: LinesFile, context: SourceContext) -> Iterator[Iterator[Candidate | RefusedItem]]:
    lines = (context.drop() / context.region / supplies.name).read_bytes().splitlines()
    yield (Candidate(f"regel {number}", "", line) for number, line in enumerate(lines, start=1))


KIND = SourceKind(model=LinesFile, help=HELP, open=_open, cell=lambda rest: {"name": rest})
'''
SOURCE_HELP = """way: {nl: "Een bestand per school.", en: "One file per school.", example: lines_file}
name: {nl: "Naam van het bestand.", en: "Name of the file.", example: school.txt}
"""
CHANNEL = '''"""A channel that keeps envelopes in a list, and answers at the desk."""

from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from overstap.agreements.kinds import ChannelKind
from overstap.agreements.model.receiving import ReceivingPart
from overstap.delivery.channels.channel import OFFERED, ChannelContext, HandOver, UnverifiedAnswer


class Pigeon(ReceivingPart):
    """The school keeps pigeons."""

    way: Literal["pigeon"]
    loft: str


class PigeonChannel:
    """The way to one loft."""

    def __init__(self, loft: str) -> None:
        self.loft, self.sent = loft, []

    def hand_over(self, envelope: bytes, *, message_id: UUID, at: datetime) -> HandOver:
        self.sent.append(message_id)
        return OFFERED

    def take_back(self, statement: bytes, *, message_id: UUID, at: datetime) -> HandOver:
        return OFFERED

    def answers(self, awaited: Collection[UUID], *, at: datetime) -> Iterator[UnverifiedAnswer]:
        return iter(())

    def close(self) -> None:
        pass


def _cell(cell: str) -> dict[str, Any] | None:
    name, _, rest = cell.partition(":")
    return {"way": name, "loft": rest} if name == "pigeon" else None


KIND = ChannelKind(
    model=Pigeon, help=HELP, open=lambda receives, context: PigeonChannel(receives.loft), cell=_cell, address=("loft",)
)
'''
CHANNEL_HELP = """way: {nl: "Per postduif.", en: "By pigeon.", example: pigeon}
loft: {nl: "De til.", en: "The loft.", example: dak}
"""
TRY_SOURCE = """
import pathlib, sys
from contextlib import nullcontext
from datetime import UTC, datetime
from overstap.agreements import School
from overstap.agreements.kinds import sources
from overstap.agreements.schema import documented_keys, file_schema
from overstap.intake.sources.kit import check_source
from overstap.intake.sources.source import SourceContext

folder = pathlib.Path(sys.argv[1])
(folder / "alfa").mkdir(parents=True)
(folder / "alfa" / "s.txt").write_bytes(b"<a/>\\n<b/>\\n")
block = {"way": "lines_file", "name": "s.txt"}
school = School(id="99AB00", name="x", kind="PO", contact="x@example.org", supplies=block)
context = SourceContext(school, "alfa", datetime.now(UTC), lambda: folder, lambda: b"k", lambda name: nullcontext())
found = check_source(sources()["lines_file"], school.supplies, context)
assert [one.content for one in found] == [b"<a/>", b"<b/>"], found
assert "LinesFile" in file_schema()["$defs"]
assert ("LinesFile", "name") in [(key.block, key.name) for key in documented_keys()]
assert sources()["lines_file"].cell("s.txt") == {"name": "s.txt"}
try:
    School(id="99AB00", name="x", kind="PO", contact="x@example.org", supplies={"way": "unheard_of"})
except ValueError as problem:
    assert "lines_file" in str(problem) and "unheard_of" in str(problem)
else:
    raise AssertionError("an unknown kind is an error")
"""
TRY_CHANNEL = """
import pathlib, sys
from datetime import UTC, datetime
from overstap.agreements import School
from overstap.agreements.kinds import channels
from overstap.agreements.schema import file_schema
from overstap.delivery.channels.kit import check_channel
from overstap.delivery.channels.registry import way_of

now = datetime.now(UTC)
block = {"way": "pigeon", "loft": "dak"}
school = School(id="98XA00", name="x", kind="VO", contact="x@example.org", receives=block)
with way_of(school, region="alfa", trust=None, at=now) as channel:
    identity = check_channel(channels()["pigeon"], channel, at=now)
    assert set(channel.sent) == {identity} and channel.loft == "dak"
assert [kind.name for kind in channels().values() if kind.cell("pigeon:dak")] == ["pigeon"]
assert "Pigeon" in file_schema()["$defs"]
"""
WRITE_SCHEMA = (
    "import pathlib; from overstap.agreements.schema import PATH, schema_text; "
    "PATH.write_text(schema_text(), encoding='utf-8')"
)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return copied(tmp_path)


def test_a_source(copy: Copy, tmp_path: Path) -> None:
    help_line = 'HELP = INCLUDE / "texts" / "sources" / "lines_file.yaml"'
    text = SOURCE.replace("\n\n\nclass", f"\nfrom overstap.resources import INCLUDE\n\n{help_line}\n\n\nclass", 1)
    copy.write("src/overstap/intake/sources/lines_file.py", text)
    copy.write("include/texts/sources/lines_file.yaml", SOURCE_HELP)
    copy.change("src/overstap/agreements/kinds.py", '"typed")', '"typed", "lines_file")')
    copy.write("tests/test_lines_file.py", TRY_SOURCE)
    copy.tried(WRITE_SCHEMA)
    copy.tried(TRY_SOURCE, str(tmp_path / "drop"))
    assert len(copy.touched()) <= MAX_FILES, copy.touched()


def test_a_source_of_a_suppliers_package(copy: Copy, tmp_path: Path) -> None:
    text = SOURCE.replace("\n\n\nclass", '\n\nHELP = Path(__file__).with_name("texts.yaml")\n\n\nclass', 1)
    files = {"acme/__init__.py": "", "acme/lines_file.py": text, "acme/texts.yaml": SOURCE_HELP}
    install_package(copy, "acme", files, "[overstap.sources]\nlines_file = acme.lines_file:KIND\n")
    copy.tried(TRY_SOURCE, str(tmp_path / "drop"))
    assert copy.touched() == []


def test_a_channel(copy: Copy) -> None:
    help_line = 'HELP = INCLUDE / "texts" / "channels" / "pigeon.yaml"'
    text = CHANNEL.replace("\n\n\nclass", f"\nfrom overstap.resources import INCLUDE\n\n{help_line}\n\n\nclass", 1)
    copy.write("src/overstap/delivery/channels/pigeon.py", text)
    copy.write("include/texts/channels/pigeon.yaml", CHANNEL_HELP)
    copy.change("src/overstap/agreements/kinds.py", '"traffic_centre")', '"traffic_centre", "pigeon")')
    copy.write("tests/test_pigeon.py", TRY_CHANNEL)
    copy.tried(WRITE_SCHEMA)
    copy.tried(TRY_CHANNEL)
    assert len(copy.touched()) <= MAX_FILES, copy.touched()


def test_a_channel_of_a_suppliers_package(copy: Copy) -> None:
    text = CHANNEL.replace("\n\n\nclass", '\n\nHELP = Path(__file__).with_name("texts.yaml")\n\n\nclass', 1)
    files = {"acme/__init__.py": "", "acme/pigeon.py": text, "acme/texts.yaml": CHANNEL_HELP}
    install_package(copy, "acme", files, "[overstap.channels]\npigeon = acme.pigeon:KIND\n")
    copy.tried(TRY_CHANNEL)
    assert copy.touched() == []


def test_a_suppliers_package_that_is_broken_stops_nobody_else(copy: Copy) -> None:
    install_package(copy, "acme", {"acme.py": "import not_there\n"}, "[overstap.channels]\npigeon = acme:KIND\n")
    code = "from overstap.agreements.kinds import channels; print(*channels())"
    assert copy.tried(code).split() == ["push", "pull", "sftp", "folder", "page", "traffic_centre"]


def test_a_version_of_the_standard(copy: Copy) -> None:
    """Only what differs is stated; tests/unit/oso/test_dossier_versions.py reads, judges and cuts dossiers of one."""
    place = "include/schemas/oso/2099.1"
    copy.write(
        f"{place}/version.yaml",
        'version: "2099.1"\nnamespace: http://www.edustandaard.nl/oso_gegevensset/2099/dossier\n'
        'validation: "2099.1.1"\nroot: dossier\nsource: made up for a test\nbased_on: "2019.1"\n',
    )
    fields = (copy.folder / "include/schemas/oso/2019.1/fields.csv").read_text(encoding="utf-8").splitlines()
    advice = [line for line in fields if line.startswith("overstapadvies,")]
    added = "overstapadvies,voorlopigadvies,0,1,,string,,2,,,,"
    copy.write(f"{place}/fields.csv", "\n".join([fields[0], added, *advice]) + "\n")
    help_text = "overstapadvies,voorlopigadvies,Voorlopig advies,Het advies van januari.\n"
    copy.write(f"{place}/labels.csv", f"block,field,label,help\n{help_text}")
    said = copy.tried(
        "from overstap.oso.catalogue import catalogue, versions\n"
        "print(*versions(), catalogue('2099.1').field('overstapadvies', 'voorlopigadvies').label)"
    )
    assert "2099.1 Voorlopig advies" in said
    assert len(copy.touched()) <= MAX_FILES, copy.touched()


def test_what_a_mail_says(copy: Copy, tmp_path: Path) -> None:
    copy.change("include/texts/notices/kinds.yaml", 'nl: "De ronde is geopend", en', 'nl: "Daar gaan we", en')
    agreement = next((PROJECT / "include" / "regions" / "haaglanden").glob("*.yaml"))
    done = copy.run("-m", "overstap", "notice", "preview", str(agreement), "--out", str(tmp_path / "preview"))
    assert done.returncode == 0, done.stderr
    assert any("Daar gaan we" in path.read_text(encoding="utf-8") for path in (tmp_path / "preview").glob("*.txt"))
    assert copy.touched() == ["include/texts/notices/kinds.yaml"]


def test_the_map_of_texts_names_every_folder() -> None:
    page = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"include/texts/([a-z_]+)", page))
    there = {path.name for path in (PROJECT / "include" / "texts").iterdir() if path.is_dir()}
    assert there <= named, sorted(there - named)
    assert not [path for path in re.findall(r"`(include/[a-z_/]+)", page) if not _is_there(path)]


def _is_there(name: str) -> bool:
    path = PROJECT / name.rstrip("/")
    return path.exists() or path.with_suffix(".yaml").exists() or any(path.parent.glob(f"{path.name}*"))


def test_the_entry_points_that_it_shows_are_read() -> None:
    page = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    code = (PROJECT / "src" / "overstap" / "agreements" / "kinds.py").read_text(encoding="utf-8")
    for group in ("overstap.sources", "overstap.channels"):
        assert group in page
        assert f'"{group}"' in code
    assert yaml.safe_load(SOURCE_HELP).keys() == {"way", "name"}


def test_our_own_kinds_are_read_without_what_a_school_has_not(copy: Copy) -> None:
    """An agreement can be checked where neither the SSH library nor pandas nor PostgreSQL's library is."""
    code = (
        "import sys\n"
        "from overstap.agreements.kinds import channels, sources\n"
        "print(*sources(), *channels())\n"
        "assert not {'paramiko', 'pandas', 'psycopg', 'airflow'} & set(sys.modules), sorted(sys.modules)"
    )
    assert len(copy.tried(code).split()) == 11
