"""Conformance test of a kind of source, for the tests of this repository and of suppliers' packages.

It is not used in production.
"""

from overstap.agreements.kinds import SourceKind
from overstap.agreements.model.supplying import SupplyingPart
from overstap.intake.candidates import Candidate
from overstap.intake.refusals import RefusedItem
from overstap.intake.sources.source import SourceContext
from overstap.oso.model import Dossier
from overstap.oso.writing import to_bytes
from overstap.texts import read_yaml


def check_source(kind: SourceKind, supplies: SupplyingPart, context: SourceContext) -> list[Candidate | RefusedItem]:
    """Read a source twice, as a collection does, check its items, and return them.

    Args:
        kind: the kind of source.
        supplies: the block `supplies` of a school.
        context: parameters of the source.

    Raises:
        AssertionError: the source does not conform.
    """
    _check_help(kind.model, read_yaml(kind.help))
    runs = []
    for _ in range(2):
        with kind.open(supplies, context) as candidates:
            runs.append(list(candidates))
    first, second = runs
    _require(
        [_comparable(one) for one in first] == [_comparable(one) for one in second],
        "the same source read again gives the same",
    )
    for one in first:
        _require(isinstance(one, Candidate | RefusedItem), "a source gives candidates and refused items, nothing else")
        if isinstance(one, Candidate):
            _require(isinstance(one.content, bytes | Dossier), "a candidate is a file's bytes, or a dossier")
            _require(
                not one.file_name or one.file_name not in one.label,
                "a label says nothing of the pupil: a file's name may",
            )
        else:
            _require(bool(one.error.do_nl), "what is refused says what to do")
    labels = [one.label for one in first]
    _require(len(labels) == len(set(labels)), "each item has a label of its own")
    return first


def _comparable(one: Candidate | RefusedItem) -> object:
    """Return an item as it is compared: a dossier by what is in it."""
    if isinstance(one, Candidate) and isinstance(one.content, Dossier):
        return one.label, one.file_name, to_bytes(one.content)
    return one


def _check_help(model: type[SupplyingPart], texts: dict[str, dict[str, str]]) -> None:
    for name in model.model_fields:
        for language in ("nl", "en"):
            _require(bool(texts.get(name, {}).get(language)), f"the help of {name} is there in {language}")


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise AssertionError(rule)
