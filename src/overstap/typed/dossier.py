"""The dossier that is made of a form's answers, and what the rules say of it, by path of the form."""

import base64
import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from overstap import SOFTWARE
from overstap.oso.attachments import DEFAULT_ATTACHMENT_LIMITS
from overstap.oso.building import build
from overstap.oso.catalogue import MANDATORY, catalogue
from overstap.oso.content import AttachmentContent, AttachmentType
from overstap.oso.implied import fill_in_kinds
from overstap.oso.minimisation import minimise
from overstap.oso.model import Dossier
from overstap.oso.reading import DEFAULT_LIMITS
from overstap.quality import rulebook
from overstap.quality.examination import examine
from overstap.typed.answers import AnswerFault, Answers, values_of
from overstap.typed.form import STREET, TOP, Form, FormFieldKind, template_of

MAX_FILE_BYTES = min(DEFAULT_ATTACHMENT_LIMITS.unpacked_bytes, DEFAULT_LIMITS.text_chars * 3 // 4 - 100_000)
"""Largest attachment: what the one reader of dossiers accepts, in Base64 and in a ZIP that does not shrink it."""
_SYSTEM = "Overstap"
_NO_DELIVERY_POINT = "1"
"""The standard requires a delivery point; a school that types in has none."""
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
_PARTS = {"straat", "nummer", "toevoeging"}


@dataclass(frozen=True, slots=True)
class TypedFile:
    """An attachment.

    Args:
        name: its file name.
        content: its bytes.
    """

    name: str = field(repr=False)
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Maker:
    """What a dossier needs besides the answers.

    Args:
        school: BRIN and branch of the school.
        typed: id of the draft, of which the pupil's key is made when the school has none.
        made_on: the Dutch date.
    """

    school: str
    typed: UUID
    made_on: date


@dataclass(frozen=True, slots=True)
class FormFinding:
    """Something that is wrong or remarkable in a form.

    Args:
        step: the step, empty when it is of none.
        path: path of the field or block; empty when it is of the step as a whole.
        message: what is wrong, Dutch.
        severity: error, warning or note.
    """

    step: str
    path: str
    message: str
    severity: str


def file_fault(content: bytes) -> str | None:
    """Return the code of what makes a file no permitted attachment; None when it is one.

    Returns:
        `ATTACHMENT-nnn`, whose sentence is in `include/texts/structure.yaml`.
    """
    if not content:
        return "ATTACHMENT-010"
    if len(content) > MAX_FILE_BYTES:
        return "ATTACHMENT-008"
    found = AttachmentContent(content)
    return found.fault if found.kind is not None else "ATTACHMENT-012"


_EXTENSIONS = {
    AttachmentType.PDF: (".pdf",),
    AttachmentType.JPEG: (".jpg", ".jpeg"),
    AttachmentType.PNG: (".png",),
    AttachmentType.TEXT: (".txt",),
}


def safe_name(name: str, content: bytes) -> str:
    """Return a file name without a folder or a character that a receiver's system refuses, with the right extension."""
    plain = _UNSAFE.sub("", re.split(r"[/\\]", name)[-1]).strip(" .")[-100:] or "bijlage"
    kind = AttachmentContent(content).kind
    endings = _EXTENSIONS.get(kind) if kind is not None else None
    return plain if endings is None or plain.lower().endswith(endings) else f"{plain}{endings[0]}"


def packed(file: TypedFile) -> str:
    """Return an attachment as the standard has it: Base64 of a ZIP with the one file."""
    out = io.BytesIO()
    entry = zipfile.ZipInfo(file.name, (2000, 1, 1, 0, 0, 0))  # no moment: equal files give equal bytes
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(entry, file.content)
    return base64.b64encode(out.getvalue()).decode("ascii")


def made_dossier(
    form: Form, answers: Answers, maker: Maker, files: Mapping[str, TypedFile]
) -> tuple[Dossier, list[AnswerFault]]:
    """Return the minimised dossier of a form's answers, as it is handed in, and the texts that are not understood.

    Args:
        form: the form.
        answers: of all steps.
        maker: school, draft and day.
        files: attachments by the id that stands in the answers.
    """
    texts = dict(answers)
    for path, text in answers.items():
        found = form.field_at(path)
        if found is not None and found.kind is FormFieldKind.FILE:
            file = files.get(text)
            texts[path] = packed(file) if file is not None else ""
    values, faults = values_of(form, texts)
    for path, text in answers.items():
        found = form.field_at(path)
        if found is not None and found.kind is FormFieldKind.FILE and text in files:
            _set(values, path.removesuffix("bestandsinhoud") + "bestandsnaam", files[text].name)
    pupil = values.setdefault("leerling", {})
    if any(each.name == "leerlingid" for each in catalogue(form.version).blocks["leerling"]):
        pupil.setdefault("leerlingid", f"T{maker.typed.hex[-12:]}")
    fill_in_kinds(values)
    values |= {
        "brincode": maker.school[:4],
        "vestigingscode": maker.school[4:],
        "aanleverpunt": _NO_DELIVERY_POINT,
    }
    return minimise(
        build({**_about(form, maker), "huidigeschool": values}, form.version), form.profile, form.categories
    ), faults


def _about(form: Form, maker: Maker) -> dict[str, Any]:
    known = catalogue(form.version)
    marks = dict(known.matrix[form.profile])
    kind = {"BB": "overdrachtbinnenbrin", "POSWV": "swv-dossier", "VOSWV": "swv-dossier"}.get(
        form.profile, "overstapdossier"
    )
    inspection = {"voorlopigdossier": "false", "inzage": "false"}
    return {
        "metadata": {
            "deeldossier": "LASLVS",
            "pakketnaam": _SYSTEM,
            "pakketversie": SOFTWARE.rpartition(" ")[2] or SOFTWARE,
            "datum": maker.made_on,
            "standaardversie": known.version,
            "validatieversie": known.validation,
            "categorie_uitlevering": {
                each.name: marks.get(each.name.removeprefix("cat_"), MANDATORY)
                for each in known.blocks["categorie_uitlevering"]
            },
            "overstap": None if form.profile == "BB" else form.profile,
        },
        "overdrachtsoort": kind,
        "inzage": inspection if kind == "overstapdossier" else None,
    }


def _set(values: dict[str, Any], path: str, text: str) -> None:
    at: Any = values
    *blocks, name = path.split("/")
    for part in blocks:
        own, _, number = part.rstrip("]").partition("[")
        at = at[own][int(number) - 1] if number else at[own]
    at[name] = text


def judged(
    form: Form,
    dossier: Dossier,
    not_understood: list[AnswerFault],
    *,
    today: date,
    expected: frozenset[str],
    own_codes: frozenset[tuple[str, str]],
) -> list[FormFinding]:
    """Return what the rules of intake say of a dossier, each with the step and the field where it is mended.

    Args:
        form: the form.
        dossier: as `made_dossier` returns it.
        not_understood: as `made_dossier` returns them.
        today: the Dutch date.
        expected: fields that every dossier must have in the round; see `region_rulebook.expected_in`.
        own_codes: the region's own codes.
    """
    from overstap.texts import texts

    words = texts("school/typed")
    found = [
        FormFinding(_step_of(form, one.path), one.path, words["fault"][one.why]["nl"], "error")
        for one in not_understood
    ]
    seen = {one.path for one in not_understood}
    examination = examine(dossier, profile=form.profile, today=today, expected=expected, own_codes=own_codes)
    for rule, severity, path in examination.findings:
        at = _place_of(form, _where(rule, path, form.version))
        if at[1] in seen:
            continue
        message = _message(rule, path, form.version, words)
        one = FormFinding(*at, message, severity)
        if one not in found:
            found.append(one)
    return found


def _where(rule: str, path: str, version: str) -> str:
    """Return the path of a finding; of a rule that asks one of several fields, the path of the first of them."""
    known = rulebook.rules(version).get(rule)
    return f"{path}/{known.check[2]}" if known is not None and known.check[0] == "some" else path


def _message(rule: str, path: str, version: str, words: Mapping[str, Any]) -> str:
    """Return a rule's message for somebody who types: its remedy would send them to a system that they do not have."""
    known = words["category"] if "/cat_" in path else words["rules"].get(rule)
    if known is not None:
        return str(known["nl"])
    return rulebook.sentence(rule, version, path).nl


def _place_of(form: Form, path: str) -> tuple[str, str]:
    """Return the step and the path in the form where a finding belongs."""
    category = path.rpartition("/")[2]
    if category.startswith("cat_"):
        step = form.step(category.removeprefix("cat_"))
        return (step.name, "") if step is not None else ("", "")
    if not path.startswith(TOP):
        return "", ""
    at = path.removeprefix(TOP)
    while at:
        for candidate in (at, _without_number(at), _in_one_line(at), at.rpartition("/")[0] + "/nummer"):
            if form.field_at(candidate) is not None:
                return _step_of(form, candidate), candidate
        block = form.blocks.get(template_of(at)) or form.blocks.get(f"{template_of(at)}[]")
        if block is not None and block.path != "leerling":
            return form.step_of[block.path], at
        at = at.rpartition("/")[0]
    return ("leerling", "") if path.startswith(f"{TOP}leerling") else ("", "")


def _without_number(path: str) -> str:
    return re.sub(r"\[[0-9]+\]$", "", path)


def _in_one_line(path: str) -> str:
    block, _, name = path.rpartition("/")
    return f"{block}/{STREET}" if name in _PARTS else path


def _step_of(form: Form, path: str) -> str:
    return form.step_of[template_of(path)]
