"""Conformance check of a kind of source, called by its tests, in this repository and in suppliers' packages.

Not used where rounds run.
"""

from overstap.agreements.kinds import SourceKind
from overstap.agreements.model.supplying import SupplyingPart
from overstap.intake.candidates import Candidate
from overstap.intake.refusals import RefusedItem
from overstap.intake.sources.source import SourcePlace
from overstap.oso.model import Dossier
from overstap.texts import read_yaml


def check_source(kind: SourceKind, supplies: SupplyingPart, place: SourcePlace) -> list[Candidate | RefusedItem]:
    """Read a source twice as a collection does, and return its items.

    Args:
        kind: the kind.
        supplies: a school's block of the agreement.
        place: what the source is opened with.

    Raises:
        AssertionError: the source does not conform.
    """
    _check_help(kind.model, read_yaml(kind.help))
    runs = []
    for _ in range(2):
        with kind.open(supplies, place) as candidates:
            runs.append(list(candidates))
    first, second = runs
    _must(first == second, "the same source read again gives the same")
    for one in first:
        _must(isinstance(one, Candidate | RefusedItem), "a source gives candidates and refused items, nothing else")
        if isinstance(one, Candidate):
            _must(isinstance(one.content, bytes | Dossier), "a candidate is a file's bytes, or a dossier")
            _must(
                not one.file_name or one.file_name not in one.label,
                "a label says nothing of the pupil: a file's name may",
            )
        else:
            _must(bool(one.error.do_nl), "what is refused says what to do")
    labels = [one.label for one in first]
    _must(len(labels) == len(set(labels)), "each item has a label of its own")
    return first


def _check_help(model: type[SupplyingPart], said: dict[str, dict[str, str]]) -> None:
    for name in model.model_fields:
        for language in ("nl", "en"):
            _must(bool(said.get(name, {}).get(language)), f"the help of {name} is there in {language}")


def _must(holds: bool, rule: str) -> None:
    if not holds:
        raise AssertionError(rule)
