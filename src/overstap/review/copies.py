"""One person's copy of a frozen dossier version, as plain data for the pages, and its encryption.

The copy contains only what the person may see, so that the pages neither read OSO nor hold data of other persons.
"""

import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from overstap.ledger.region_keys import bound, seal, unseal
from overstap.oso.attachments import UnpackingError, unpack
from overstap.oso.catalogue import FORBIDDEN, OPTED_OUT, Field
from overstap.oso.content import AttachmentType
from overstap.oso.differences import DossierDifference, FieldChange, differences
from overstap.oso.labels import names_of_added
from overstap.oso.minimisation import UNLISTED_MAIL, UNLISTED_PHONE
from overstap.oso.model import Dossier
from overstap.oso.rendering import readable
from overstap.oso.traversal import FieldValue, documents, fields
from overstap.oso.tree import Node
from overstap.oso.version_folders import UNCLASSIFIED
from overstap.review.hiding import PUPIL, HiddenFields, is_of_carer

_SECTIONS = ("leerling", "overstapadvies", "verzorger")
"""Sections that are shown first; the others follow in the order of the standard."""
_VIEWABLE = {
    AttachmentType.PDF: "pdf",
    AttachmentType.JPEG: "jpeg",
    AttachmentType.PNG: "png",
    AttachmentType.TEXT: "text",
}
_OFFICE = {
    AttachmentType.WORD: "docx",
    AttachmentType.EXCEL: "xlsx",
    AttachmentType.POWERPOINT: "pptx",
    AttachmentType.ODF: "odt",
    AttachmentType.OLE: "doc",
}
_NETHERLANDS = "6030"
"""The code of the Netherlands in the national list of countries (tabel 34, Landen)."""
_BLOCKS = "sections"
_TECHNICAL = ("dossier/metadata", "dossier/inzage", "dossier/overdrachtsoort")
"""Blocks about the file, not the child, which are not shown as content (withheld categories are listed separately)."""


@dataclass(frozen=True, slots=True)
class ViewableFile:
    """An attachment that may be shown."""

    path: str
    content: bytes = field(repr=False)
    kind: str


@dataclass(frozen=True, slots=True)
class FrozenVersion:
    """A frozen version, of which copies are made.

    Args:
        dossier: the version.
        number: number of the version.
        digest: SHA-256 of all but the inspection block (32 bytes).
        earlier: the newest earlier version that parents could see; None: there was none.
        before: number of that version; None: there was none.
        files: id, key (32 bytes), kind and size in bytes of each attachment, by path.
        own_codes: meaning of each of the region's own codes, by number of the code list and code.
    """

    dossier: Dossier
    number: int
    digest: bytes
    earlier: Dossier | None
    before: int | None
    files: dict[str, tuple[UUID, bytes, str, int]]
    own_codes: Mapping[tuple[str, str], str] = field(default_factory=dict)


def viewable_files(dossier: Dossier, *, flattens: bool = False) -> Iterator[ViewableFile]:
    """Yield the attachments that may be shown: not those that cannot be unpacked or have active content.

    Args:
        dossier: the version.
        flattens: whether a PDF is shown as a picture of each page; one that cannot be drawn is not shown.
    """
    for path, node in documents(dossier):
        try:
            found = unpack(path, node.text("bestandsinhoud") or "")
        except UnpackingError:
            continue
        kind = _VIEWABLE.get(found.file.kind) or _OFFICE.get(found.file.kind) if found.file.kind else None
        if kind is None or found.file.fault:
            continue
        content = found.file.data
        if flattens and kind == "pdf":
            # Loaded where a region asks for it: what draws and writes PDFs is 45 MB
            from overstap.pdf.flattening import NotFlattenedError, flattened

            try:
                content = flattened(content)
            except NotFlattenedError:
                continue
        yield ViewableFile(path, content, kind)


def person_copy(
    frozen: FrozenVersion, *, own_path: str, asks_changes_only: bool, immaterial: Set[str] = frozenset()
) -> dict[str, Any]:
    """Return one person's copy.

    Args:
        frozen: the version.
        own_path: path of the person's block in the dossier.
        asks_changes_only: whether this person decided on the earlier version, so that only the changes need a decision.
        immaterial: fields and categories that the agreement calls immaterial.
    """
    dossier = frozen.dossier
    hidden = HiddenFields(dossier, own_path)
    pupil = dossier.pupil or Node()
    return {
        "pupil": _name(pupil),
        "first": dossier.first_name or _name(pupil),
        "number": frozen.number,
        "digest": frozen.digest.hex(),
        "sections": _sections(dossier, hidden, frozen.own_codes),
        "withheld": _withheld(dossier),
        "names": names_of_added(dossier.version),
        "secrecy": hidden.by_secrecy,
        "files": _files(frozen, hidden),
        "is_renewed": frozen.earlier is not None,
        "before": frozen.before,
        "asks_changes_only": asks_changes_only,
        "changes": _changes(frozen, frozen.earlier, hidden, immaterial) if frozen.earlier is not None else [],
    }


def is_immaterial(difference: DossierDifference, immaterial: Set[str]) -> bool:
    """Tell whether an agreement calls a difference immaterial, by category, block or field (`communicatie/nummer`)."""
    steps = [step.partition("[")[0] for step in difference.path.split("/")]
    names = {difference.category, f"{difference.field.block}/{difference.field.name}", *steps}
    return bool(names & immaterial)


def encrypt_copy(copy: dict[str, Any], key: bytes, region: str, access: UUID) -> bytes:
    """Return a copy encrypted for storage.

    Args:
        copy: as `person_copy` returns it, with further values for the pages.
        key: key of the person's copy, 32 bytes.
        region: region id.
        access: id of the access code that it is bound to, so that rows cannot be swapped.
    """
    # The sections, nine tenths of the copy, are on a second line, so that most pages need not parse them.
    parts = ({name: part for name, part in copy.items() if name != _BLOCKS}, copy[_BLOCKS])
    text = "\n".join(json.dumps(part, ensure_ascii=False, separators=(",", ":")) for part in parts)
    return seal(AESGCM(key), text.encode(), bound(region, f"showing/{access}"))


def decrypt_copy(data: bytes, key: bytes, region: str, access: UUID, *, is_whole: bool) -> dict[str, Any]:
    """Decrypt a copy.

    Args:
        data: as `encrypt_copy` returned it.
        key: key of the person's copy, 32 bytes.
        region: region id.
        access: id of the access code.
        is_whole: whether "sections" are included.

    Raises:
        InvalidTag: wrong key, or a copy of another access code.
    """
    about, _, blocks = unseal(AESGCM(key), data, bound(region, f"showing/{access}")).partition(b"\n")
    found: dict[str, Any] = json.loads(about)
    return {**found, _BLOCKS: json.loads(blocks)} if is_whole else found


def encrypt_file(content: bytes, key: bytes, file: UUID) -> bytes:
    """Return an attachment encrypted with its own key."""
    return seal(AESGCM(key), content, file.bytes)


def decrypt_file(data: bytes, key: bytes, file: UUID) -> bytes:
    """Decrypt an attachment.

    Raises:
        InvalidTag: wrong key, or another attachment.
    """
    return unseal(AESGCM(key), data, file.bytes)


def encrypt_proof(pack: bytes, key: bytes, region: str, access: UUID) -> bytes:
    """Return a proof pack encrypted for one person; arguments as of `encrypt_copy`."""
    return seal(AESGCM(key), pack, bound(region, f"proof/{access}"))


def decrypt_proof(data: bytes, key: bytes, region: str, access: UUID) -> bytes:
    """Decrypt a proof pack; arguments as of `encrypt_copy`.

    Raises:
        InvalidTag: wrong key, or a proof of another access code.
    """
    return unseal(AESGCM(key), data, bound(region, f"proof/{access}"))


def _name(who: Node) -> str:
    called = who.text("roepnaam") or who.text("voornaam") or who.text("voorletters-1") or ""
    return " ".join(part for part in (called, who.text("voorvoegsel"), who.text("achternaam")) if part)


def _sections(dossier: Dossier, hidden: HiddenFields, own_codes: Mapping[tuple[str, str], str]) -> list[dict[str, Any]]:
    """Return the dossier's blocks with their lines: [depth, field, number, value, is explained, is heading].

    Fields are given as block and name ("leerling/achternaam"); the pages translate them to the reader's language.
    """
    found: dict[str, dict[str, Any]] = {}
    explained: set[tuple[str, str]] = set()
    for each in fields(dossier):
        if each.path.startswith(_TECHNICAL) or each.path == PUPIL or each.path == "dossier/huidigeschool":
            continue
        name, place, top = _section_of(each, dossier)
        section = found.setdefault(name, {"name": name, "of": place, "lines": [], "hides": False})
        if hidden(each.path):
            section["hides"] = True
            continue
        depth = each.path.count("/") - top
        line = [depth, _place(each.field), _number(each)]
        if isinstance(each.value, Node):
            if depth >= 0 and each.path != f"{PUPIL}/{name}":
                section["lines"].append([*line, "", False, True])
        else:
            # Coded values are shown in words and need no explanation; each other field is explained once.
            is_explained = each.field.list is None and (name, each.field.label) not in explained
            explained.add((name, each.field.label))
            section["lines"].append(
                [*line, _shown(str(each.value), each.field, dossier, own_codes), is_explained, False]
            )
    order = [*(name for name in _SECTIONS if name in found), *(name for name in found if name not in _SECTIONS)]
    return [found[name] for name in order if found[name]["lines"] or found[name]["hides"]]


def _section_of(found: FieldValue, dossier: Dossier) -> tuple[str, str, int]:
    """Return the section of a field: its name, the field that names it, and the depth of its first lines."""
    if found.path.startswith(f"{PUPIL}/"):
        step = found.path.removeprefix(f"{PUPIL}/").partition("/")[0].partition("[")[0]
        field = dossier.catalogue.field("leerling", step)
        if field.contains and field.category not in (None, "school"):
            top = PUPIL.count("/") + (1 if field.max is None else 2)
            return step, _place(field), top
        return "leerling", "huidigeschool/leerling", PUPIL.count("/") + 1
    return "school", "dossier/huidigeschool", 2


def _place(field: Field) -> str:
    return f"{field.block}/{field.name}"


def _number(found: FieldValue) -> int | None:
    number = found.path.rsplit("/", 1)[-1].partition("[")[2].rstrip("]")
    return int(number) if number and isinstance(found.value, Node) else None


def _shown(text: str, of: Field, dossier: Dossier, own_codes: Mapping[tuple[str, str], str]) -> str:
    if text in (UNLISTED_PHONE, UNLISTED_MAIL):
        return "geheim"
    if of.name == "land" and text == _NETHERLANDS:
        return "Nederland"
    if of.list is not None:
        # Parents read the meaning of a code, not the code.
        code = text.strip()
        meaning = dossier.catalogue.lists[of.list].get(code) or own_codes.get((of.list, code), "")
        return meaning[:1].upper() + meaning[1:] if meaning else text
    return readable(text, of, dossier.catalogue)


def _withheld(dossier: Dossier) -> list[dict[str, str]]:
    """Return the withheld categories with their reason: forbidden by the standard, opted out, or not classified yet."""
    found = []
    if dossier.catalogue.unclassified:
        found.append({"name": UNCLASSIFIED, "of": f"{dossier.catalogue.root}/{UNCLASSIFIED}", "why": "unclassified"})
    marks = dossier.metadata.block("categorie_uitlevering")
    for each in dossier.catalogue.blocks["categorie_uitlevering"]:
        mark = marks.text(each.name) if marks is not None else None
        if mark in (FORBIDDEN, OPTED_OUT):
            why = "forbidden" if mark == FORBIDDEN else "opted_out"
            found.append({"name": each.name.removeprefix("cat_"), "of": _place(each), "why": why})
    return found


def _files(frozen: FrozenVersion, hidden: HiddenFields) -> list[dict[str, Any]]:
    listed = []
    for path, node in documents(frozen.dossier):
        name = node.text("bestandsnaam") or ""
        entry: dict[str, Any] = {"name": name, "title": node.text("omschrijving") or name}
        if hidden.by_secrecy:
            entry["why"] = "secrecy"  # a document may contain the secret address
        elif path not in frozen.files:
            entry["why"] = "unreadable"
        else:
            file, key, kind, size = frozen.files[path]
            entry |= {"id": str(file), "key": key.hex(), "kind": kind, "bytes": size}
        listed.append(entry)
    return listed


def _changes(
    frozen: FrozenVersion, earlier: Dossier, hidden: HiddenFields, immaterial: Set[str]
) -> list[dict[str, Any]]:
    """Return the changes by section: [where, field, kind of change, before, after, whether it is immaterial].

    `where` is the repeated block that contains the field ("test 2"), as field and number.
    """
    dossier = frozen.dossier
    blocks: dict[str, dict[str, Any]] = {}
    for each in differences(earlier, dossier):
        if each.path.startswith(_TECHNICAL):
            continue
        found = FieldValue(each.path, each.field, each.after or each.before or "", each.category)
        name, place, _ = _section_of(found, dossier)
        block = blocks.setdefault(name, {"name": name, "of": place, "items": [], "hides": False})
        if hidden.hides_change(each.path, earlier, is_removed=each.change is FieldChange.REMOVED):
            block["hides"] = True
            continue
        before, after = (
            None if text is None else _brief(_shown(text, each.field, dossier, frozen.own_codes))
            for text in (each.before, each.after)
        )
        if is_of_carer(each.path):
            before = None  # it may be another carer's value
        where, is_small = _within(each, dossier), is_immaterial(each, immaterial)
        block["items"].append([where, _place(each.field), each.change.value, before, after, is_small])
    return list(blocks.values())


def _within(difference: DossierDifference, dossier: Dossier) -> tuple[str, int] | None:
    """Return the innermost repeated block that contains a changed field, such as ("toetslijst/toets", 2)."""
    steps = difference.path.split("/")[:-1]
    block, innermost = dossier.catalogue.root, None
    for step in steps[1:]:
        name, _, number = step.partition("[")
        field = next((each for each in dossier.catalogue.blocks[block] if each.name == name), None)
        if field is None or field.contains is None:
            break
        if number:
            innermost = (_place(field), int(number.rstrip("]")))
        block = field.contains
    return innermost


def _brief(text: str, most: int = 300) -> str:
    return text if len(text) <= most else f"{text[:most].rstrip()}…"
