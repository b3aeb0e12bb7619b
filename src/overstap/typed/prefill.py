"""First answers of a form: what is known of the pupil and the school before anybody types.

It is the one place where a draft gets values that nobody typed: from the school's roster, from an earlier dossier of
the pupil, and what follows from the school itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from overstap.typed.answers import Answers
from overstap.typed.form import Form


@dataclass(frozen=True, slots=True)
class FormPupil:
    """What a roster knows of a pupil; each text is empty when it is not known."""

    first_names: str = field(default="", repr=False)
    prefix: str = field(default="", repr=False)
    surname: str = field(default="", repr=False)
    called: str = field(default="", repr=False)
    birth_date: date | None = field(default=None, repr=False)
    sex: str = field(default="", repr=False)
    """0, 1 (female) or 2 (male), as OSO has it."""
    number: str = field(default="", repr=False)
    """BSN, or the onderwijsnummer, which begins with 10 (rule OV-ID-02)."""
    las_key: str = field(default="", repr=False)
    group: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class FormSchool:
    """The school that types."""

    school: str
    """BRIN and branch."""
    name: str
    contact: str
    """E-mail address in the agreement."""


def first_answers(
    form: Form,
    school: FormSchool,
    *,
    school_year: str,
    pupil: FormPupil | None = None,
    school_before: Mapping[str, str] | None = None,
    earlier: Mapping[str, str] | None = None,
) -> dict[str, dict[str, str]]:
    """Return the first answers per step; a field that the form does not ask is left out.

    Args:
        form: the form.
        school: the school.
        school_year: of the round, such as "2026-2027".
        pupil: the pupil in the school's roster.
        school_before: answers about the school in its newest draft: address and telephone are typed once.
        earlier: answers of the pupil's earlier dossier, which count before the roster.
    """
    brin, branch = school.school[:4], school.school[4:]
    found: dict[str, str] = {
        "naam": school.name,
        "communicatielijst/communicatie[1]/nummer": school.contact,
        "leerling/schoolloopbaanlijst/schoolloopbaan[1]/schooljaar": school_year,
        "leerling/schoolloopbaanlijst/schoolloopbaan[1]/jaargroep": "8" if form.profile == "POVO" else "",
        "leerling/schoolloopbaanlijst/schoolloopbaan[1]/groepscode": "8" if form.profile == "POVO" else "",
        "leerling/schoolloopbaanlijst/schoolloopbaan[1]/brincode": brin,
        "leerling/schoolloopbaanlijst/schoolloopbaan[1]/vestigingscode": branch,
    }
    if pupil is not None:
        found |= _of_pupil(pupil)
    if school_before:
        found = {path: text for path, text in found.items() if path.startswith("leerling/")} | dict(school_before)
    if earlier:
        found = {path: text for path, text in found.items() if not _is_replaced(path, earlier)} | dict(earlier)
    steps: dict[str, dict[str, str]] = {}
    for path, text in found.items():
        field_of = form.field_at(path)
        if field_of is not None and text:
            steps.setdefault(form.step_of[field_of.path], {})[path] = text
    return steps


def _is_replaced(path: str, earlier: Answers) -> bool:
    """Return whether an earlier dossier says something of the same repeated block, such as the school career."""
    block = path.partition("[")[0]
    return "[" in path and any(one.startswith(f"{block}[") for one in earlier)


def _of_pupil(pupil: FormPupil) -> dict[str, str]:
    is_education_number = pupil.number.startswith("10") and len(pupil.number) == 9
    return {
        "leerling/voornaam": pupil.first_names,
        "leerling/voorvoegsel": pupil.prefix,
        "leerling/achternaam": pupil.surname,
        "leerling/roepnaam": pupil.called,
        "leerling/geboortedatum": f"{pupil.birth_date:%d-%m-%Y}" if pupil.birth_date else "",
        "leerling/geslacht": pupil.sex,
        "leerling/onderwijsnummer" if is_education_number else "leerling/bsn": pupil.number,
        "leerling/leerlingid": pupil.las_key,
    } | ({"leerling/schoolloopbaanlijst/schoolloopbaan[1]/groepscode": pupil.group} if pupil.group else {})
