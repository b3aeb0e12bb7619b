"""Loading of agreement files; a broken file is reported and stops no other."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from overstap.agreements.findings import AgreementFinding, finding_of
from overstap.agreements.model import Agreement
from overstap.agreements.model.refusals import RefusedValue
from overstap.agreements.national import FOLDER
from overstap.agreements.source_positions import AgreementSource, read_written
from overstap.errors import Bilingual, OverstapError
from overstap.texts import texts


def agreement_paths(folder: Path, region: str | None = None) -> list[Path]:
    """Return the agreement files below a folder (`<region>/<school year>.yaml`), of all regions or one, sorted."""
    return sorted(folder.glob("*/[0-9]*.yaml") if region is None else (folder / region).glob("[0-9]*.yaml"))


def load_agreement(path: Path, national: Path = FOLDER, *, is_anywhere: bool = False) -> Agreement:
    """Read one agreement file; what it leaves out comes from the national file of its school year.

    It is refused when it cannot be understood. Whether it is wise, and lawful, is for `overstap agreement check`.

    Args:
        path: the YAML file; its folder is named after the region, its stem after the school year.
        national: folder with the national files.
        is_anywhere: the file may have another place and name, as an older version has that is compared with.

    Raises:
        OverstapError: AGREEMENT-001 with the place and the problem.
    """
    written = read_written(path, national)
    if written.faults:
        faults = [finding_of(fault) for fault in written.faults]
        raise OverstapError(
            "AGREEMENT-001",
            file=f"{path.parent.name}/{path.name}",
            problem=Bilingual(
                _joined("nl", [(fault, fault.message_nl) for fault in faults]),
                _joined("en", [(fault, fault.message_en) for fault in faults]),
            ),
        )
    try:
        agreement = Agreement.model_validate(written.data)
    except ValidationError as problem:
        refused = problem.errors(include_url=False)
        raise OverstapError(
            "AGREEMENT-001",
            file=f"{path.parent.name}/{path.name}",
            problem=Bilingual(
                "; ".join(_refused(written, fault, "nl") for fault in refused),
                "; ".join(_refused(written, fault, "en") for fault in refused),
            ),
        ) from problem
    if not is_anywhere and (path.parent.name, path.stem) != (agreement.region, agreement.school_year):
        found, stated = f"{path.parent.name}/{path.stem}", f"{agreement.region}/{agreement.school_year}"
        form = texts("agreements/refusals")["another_place"]
        dutch, english = (form[language].format(found=found, stated=stated) for language in ("nl", "en"))
        raise OverstapError("AGREEMENT-001", file=f"{path.parent.name}/{path.name}", problem=Bilingual(dutch, english))
    return agreement


def _joined(language: str, faults: list[tuple[AgreementFinding, str]]) -> str:
    form: str = texts("agreements/refusals")["file_place"][language]
    return "; ".join(form.format(file=one.file.name, line=one.line, said=said.rstrip(".")) for one, said in faults)


def _refused(written: AgreementSource, fault: Mapping[str, Any], language: str) -> str:
    """Return where a refused value stands, with the school's name, and what is wrong with it."""
    words = texts("agreements/refusals")
    key = written.key_of(fault["loc"])
    school = written.school_at(key)
    where = ".".join(map(str, key)) or words["whole"][language]
    return str(words["place"][language]).format(
        where=f"{where} ({school})" if school else where,
        line=written.place(key).line,
        said=RefusedValue(fault).sentence(language),
    )


def load_all(folder: Path, region: str | None = None) -> tuple[list[Agreement], list[OverstapError]]:
    """Read every agreement below a folder; return the good ones, and an error for each broken one.

    Args:
        folder: where the agreements are.
        region: read those of one region only.
    """
    good: list[Agreement] = []
    broken: list[OverstapError] = []
    for path in agreement_paths(folder, region):
        try:
            good.append(load_agreement(path))
        except OverstapError as error:
            broken.append(error)
    return good, broken


def load_in_use(folder: Path, *, production: bool, region: str | None = None) -> list[Agreement]:
    """Return the good agreements of which rounds are made: in production, no examples.

    Args:
        folder: where the agreements are.
        production: whether this is a production deployment.
        region: read those of one region only.
    """
    return [agreement for agreement in load_all(folder, region)[0] if not (production and agreement.example)]


def find_agreement(folder: Path, region: str, school_year: str) -> Agreement:
    """Return the agreement of a region and school year.

    Raises:
        OverstapError: AGREEMENT-003 when there is no such file, AGREEMENT-001 when it is broken.
    """
    path = folder / region / f"{school_year}.yaml"
    if not path.is_file():
        raise OverstapError("AGREEMENT-003", region=region, folder=str(folder))
    return load_agreement(path)
