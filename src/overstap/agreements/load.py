"""Loading of agreement files into the model; an invalid file is reported and does not stop the others."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from overstap.agreements.findings import AgreementFinding, finding_of
from overstap.agreements.model import Agreement
from overstap.agreements.model.refusals import RefusedValue
from overstap.agreements.national import FOLDER, changed_at_ns
from overstap.agreements.source_positions import AgreementSource, FileContents, read_plain, read_source
from overstap.errors import Bilingual, OverstapError
from overstap.texts import texts


def agreement_paths(folder: Path, region: str | None = None) -> list[Path]:
    """Return the agreement files below a folder (`<region>/<school year>.yaml`), of all regions or one, sorted."""
    return sorted(folder.glob("*/[0-9]*.yaml") if region is None else (folder / region).glob("[0-9]*.yaml"))


def load_agreement(
    path: Path, national: Path = FOLDER, *, any_location: bool = False, contents: FileContents | None = None
) -> Agreement:
    """Load one agreement file; the national file of its school year supplies the defaults.

    An invalid file is refused. `overstap agreement check` in addition checks the dates and the law. The file is read
    each time; what it makes is kept, for as long as the process has it read with the same content.

    Args:
        path: the YAML file `<region>/<school year>.yaml`.
        national: folder with the national files.
        any_location: whether the file may have another folder and name, such as an older version to compare with.
        contents: contents that stand for those of the files.

    Raises:
        OverstapError: AGREEMENT-001 with the positions and the problems.
    """
    read = _read(path) if contents is None and not any_location else None
    if read is None:
        return _loaded(read_source(path, national, contents), any_location=any_location)
    made_of = (path, national, changed_at_ns(path.stem, national), hashlib.sha256(read).digest())
    kept = _KEPT.get(made_of)
    if kept is not None:
        return kept
    source = read_source(path, national, {path: read})
    agreement = _loaded(source, any_location=any_location)
    if not source.rows:  # a list of schools has a file of its own
        if len(_KEPT) >= _MOST_KEPT:
            _KEPT.clear()
        _KEPT[made_of] = agreement
    return agreement


_KEPT: dict[tuple[Path, Path, int, bytes], Agreement] = {}
"""Agreements by what they were made of: a task has read all of them before it asks for its own."""
_MOST_KEPT = 300


def _read(path: Path) -> bytes | None:
    """Return the content of an agreement file; None when it cannot be read, which reading its data tells."""
    try:
        return read_plain(path)
    except OSError:
        return None


def _loaded(source: AgreementSource, *, any_location: bool) -> Agreement:
    """Return the agreement of a file that was read; arguments and errors as of `load_agreement`."""
    path = source.path
    if source.faults:
        faults = [finding_of(fault) for fault in source.faults]
        raise OverstapError(
            "AGREEMENT-001",
            file=f"{path.parent.name}/{path.name}",
            problem=Bilingual(
                _joined("nl", [(fault, fault.message_nl) for fault in faults]),
                _joined("en", [(fault, fault.message_en) for fault in faults]),
            ),
        )
    try:
        agreement = Agreement.model_validate(source.data)
    except ValidationError as problem:
        refused = problem.errors(include_url=False)
        raise OverstapError(
            "AGREEMENT-001",
            file=f"{path.parent.name}/{path.name}",
            problem=Bilingual(
                "; ".join(_refused(source, fault, "nl") for fault in refused),
                "; ".join(_refused(source, fault, "en") for fault in refused),
            ),
        ) from problem
    if not any_location and (path.parent.name, path.stem) != (agreement.region, agreement.school_year):
        found, stated = f"{path.parent.name}/{path.stem}", f"{agreement.region}/{agreement.school_year}"
        form = texts("agreements/refusals")["another_place"]
        dutch, english = (form[language].format(found=found, stated=stated) for language in ("nl", "en"))
        raise OverstapError("AGREEMENT-001", file=f"{path.parent.name}/{path.name}", problem=Bilingual(dutch, english))
    return agreement


def _joined(language: str, faults: list[tuple[AgreementFinding, str]]) -> str:
    form: str = texts("agreements/refusals")["file_place"][language]
    return "; ".join(
        form.format(file=fault.file.name, line=fault.line, said=message.rstrip(".")) for fault, message in faults
    )


def _refused(source: AgreementSource, fault: Mapping[str, Any], language: str) -> str:
    """Return the position of a refused value, with the name of its school, and the reason of the refusal."""
    words = texts("agreements/refusals")
    key = source.key_of(fault["loc"])
    school = source.school_at(key)
    where = ".".join(map(str, key)) or words["whole"][language]
    return str(words["place"][language]).format(
        where=f"{where} ({school})" if school else where,
        line=source.position(key).line,
        said=RefusedValue(fault).sentence(language),
    )


def load_all(folder: Path, region: str | None = None) -> tuple[list[Agreement], list[OverstapError]]:
    """Load all agreements below a folder; return the valid ones, and an error for each invalid file.

    Args:
        folder: folder with the agreements.
        region: id of a region, to load its agreements only.
    """
    valid: list[Agreement] = []
    errors: list[OverstapError] = []
    for path in agreement_paths(folder, region):
        try:
            valid.append(load_agreement(path))
        except OverstapError as error:
            errors.append(error)
    return valid, errors


def load_in_use(folder: Path, *, production: bool, region: str | None = None) -> list[Agreement]:
    """Return the valid agreements for which rounds run; in production, without the examples.

    Args:
        folder: folder with the agreements.
        production: whether this is a production deployment.
        region: id of a region, to load its agreements only.
    """
    return [agreement for agreement in load_all(folder, region)[0] if not (production and agreement.example)]


def find_agreement(folder: Path, region: str, school_year: str) -> Agreement:
    """Return the agreement of a region and school year.

    Raises:
        OverstapError: AGREEMENT-003 when the file is absent, AGREEMENT-001 when it is invalid.
    """
    path = folder / region / f"{school_year}.yaml"
    if not path.is_file():
        raise OverstapError("AGREEMENT-003", region=region, folder=str(folder))
    return load_agreement(path)
