"""JSON Schema of agreement files, generated from the model, for completion and validation in an editor.

The file differs from the model: schools may be in a separate CSV file, a round states only differences from the
national file, and a moment is Dutch wall time.
"""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

from overstap.agreements.kinds import key_help
from overstap.agreements.model import Agreement, RoundKind
from overstap.agreements.source_positions import Key
from overstap.oso.catalogue import OPTIONAL, catalogue
from overstap.resources import INCLUDE
from overstap.texts import texts

PATH = INCLUDE / "schemas" / "agreement.schema.json"
"""Path of the published schema."""
_ID = "https://overstap.example.org/schemas/agreement.schema.json"
_MOMENT = r"^20[0-9]{2}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?$"
_BLOCKS = (
    *("Registrations", "Round", "Milestones", "Inspection", "Invitations", "Reminder", "Occasion"),
    *("Notices", "Retention", "OwnCode", "Comparison", "SupplierOfTests", "SchoolMandate"),
)
"""The blocks of an agreement file after those of schools, in the order of the documentation."""


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """Documentation of one key of an agreement file.

    Args:
        block: name of the class of its block in the model.
        name: the key.
        type: type of its value, in a few words.
        is_required: whether the key is required.
        default: default value as JSON; None when the key is required or has no default.
        meaning_nl: meaning in Dutch.
        meaning_en: meaning in English.
        example: example value, as YAML.
    """

    block: str
    name: str
    type: str
    is_required: bool
    default: str | None
    meaning_nl: str
    meaning_en: str
    example: str


@dataclass(frozen=True, slots=True)
class ValueForm:
    """Required form of a value.

    Args:
        name: description of the form, an entry of include/texts/agreements/checks.yaml.
        example: example value, as YAML.
        choices: the allowed values; empty when they are not enumerated.
        least: smallest allowed number.
        most: largest allowed number.
    """

    name: str
    example: str
    choices: tuple[str, ...] = ()
    least: int = 1
    most: int = 60


@cache
def file_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of an agreement file; cached, so do not modify it."""
    schema = Agreement.model_json_schema()
    blocks: dict[str, Any] = schema["$defs"]
    schema["description"] = "Afspraken van een regio voor een schooljaar (docs/agreement.md)"
    blocks["Round"]["required"] = []  # the national file supplies defaults
    blocks["Milestones"]["required"] = []
    for block in blocks.values():
        _tidy(block)
    _tidy(schema)
    properties = schema["properties"]
    properties["schools"] = {
        "anyOf": [
            properties["schools"],
            {
                "type": "object",
                "properties": {"file": {"type": "string", "pattern": r"^[A-Za-z0-9_-]+\.csv$"}},
                "required": ["file"],
                "additionalProperties": False,
            },
        ]
    }
    matrix = catalogue("2019.1").matrix
    profiles = blocks["Round"]["properties"]["profile"]["enum"]
    optional = sorted({name for profile in profiles for name, state in matrix[profile].items() if state == OPTIONAL})
    blocks["Round"]["properties"]["categories"]["items"]["enum"] = optional
    blocks["Round"]["properties"]["sources"]["propertyNames"] = {"enum": list(blocks["Milestones"]["properties"])}
    properties["rounds"] = {
        "type": "object",
        "properties": {
            kind: {
                "anyOf": [{"$ref": "#/$defs/Round"}, {"type": "null"}],
                "if": {"type": "object"},
                "then": {"properties": _of_profile(matrix[RoundKind(kind).profiles[0]], RoundKind(kind).profiles)},
            }
            for kind in blocks["RoundKind"]["enum"]
        },
        "additionalProperties": False,
    }
    del blocks["RoundKind"]
    for block, keys in _key_texts().items():
        documented = properties if block == "Agreement" else blocks[block]["properties"]
        for name, words in keys.items():
            documented[name]["description"] = words["nl"]
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": _ID}
    return {**head, **schema}


def _of_profile(states: Mapping[str, str], profiles: tuple[str, ...]) -> dict[str, Any]:
    """Return the restrictions on the keys of a kind of round: its profiles, and their optional categories."""
    optional = sorted(name for name, state in states.items() if state == OPTIONAL)
    return {"profile": {"enum": list(profiles)}, "categories": {"items": {"enum": optional}}}


def _tidy(part: Any) -> None:
    """Remove titles and discriminators of pydantic, and give moments the pattern of agreement files."""
    if isinstance(part, dict):
        if isinstance(part.get("title"), str):
            del part["title"]
        part.pop("discriminator", None)
        if part.get("format") == "date-time":
            del part["format"]
            part["pattern"] = _MOMENT
        for inside in part.values():
            _tidy(inside)
    elif isinstance(part, list):
        for inside in part:
            _tidy(inside)


def schema_text() -> str:
    """Return the text of the published schema."""
    return json.dumps(file_schema(), ensure_ascii=False, indent=2) + "\n"


def _resolved(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the alternatives of a part of the schema, with references resolved."""
    if "$ref" in part:
        yield from _resolved(file_schema()["$defs"][part["$ref"].rpartition("/")[2]])
    elif alternatives := part.get("anyOf") or part.get("oneOf"):
        for alternative in alternatives:
            yield from _resolved(alternative)
    else:
        yield part


def _at(schema: dict[str, Any], key: Key) -> list[dict[str, Any]]:
    parts = list(_resolved(schema))
    for step in key:
        inside: list[dict[str, Any]] = []
        for part in parts:
            if isinstance(step, int) and "items" in part:
                inside.extend(_resolved(part["items"]))
            elif step in part.get("properties", {}):
                inside.extend(_resolved(part["properties"][step]))
            elif isinstance(part.get("additionalProperties"), dict):
                inside.extend(_resolved(part["additionalProperties"]))
        parts = inside
    return parts


def properties_at(schema: dict[str, Any], key: Key) -> tuple[str, ...]:
    """Return the keys that the block at a key may have."""
    return tuple(dict.fromkeys(name for part in _at(schema, key) for name in part.get("properties", {})))


def form_at(schema: dict[str, Any], key: Key) -> ValueForm:
    """Return the required form of the value at a key."""
    parts = [part for part in _at(schema, key) if part.get("type") != "null"]
    choices = tuple(
        str(choice) for part in parts for choice in (part.get("enum") or ([part["const"]] if "const" in part else []))
    )
    part = parts[0] if parts else {}
    example = _example(key)
    if part.get("pattern") == _MOMENT:
        return ValueForm("form_moment", example)
    if part.get("format") == "duration":
        return ValueForm("form_duration", example)
    names = {
        "string": "form_text",
        "integer": "form_number",
        "boolean": "form_boolean",
        "array": "form_list",
        "object": "form_block",
    }
    bounds = int(part.get("minimum", 1)), int(part.get("maximum", 60))
    return ValueForm(names.get(str(part.get("type")), "form_text"), example, choices, *bounds)


def _example(key: Key) -> str:
    name = str(key[-1]) if key else ""
    names = [step for step in key if isinstance(step, str)]
    preferred = {"rounds": "Round", "schools": "School", "coordinators": "Coordinator", "occasions": "Occasion"}
    blocks = _key_texts()
    order = [preferred.get(names[0], "Agreement")] if len(names) > 1 else ["Agreement"]
    for block in (*order, *blocks):
        if name in blocks[block]:
            return str(blocks[block][name]["example"])
    return "..."


def _key_texts() -> dict[str, dict[str, dict[str, Any]]]:
    """Return the meaning and example of every key, by block."""
    return {**texts("agreements/keys"), **key_help()}


def documented_keys() -> list[KeyInfo]:
    """Return the documentation of all keys of an agreement file, by block."""
    schema = file_schema()
    key_texts = _key_texts()
    found = []
    for block in ("Agreement", "Coordinator", "Viewer", "School", *key_help(), *_BLOCKS):
        part = schema if block == "Agreement" else schema["$defs"][block]
        for name, info in part["properties"].items():
            words = key_texts[block][name]
            found.append(
                KeyInfo(
                    block=block,
                    name=name,
                    type=_type(info),
                    is_required=name in part.get("required", []),
                    default=json.dumps(info["default"], ensure_ascii=False)
                    if info.get("default") is not None
                    else None,
                    meaning_nl=words["nl"],
                    meaning_en=words["en"],
                    example=str(words["example"]),
                )
            )
    return found


def _type(info: dict[str, Any]) -> str:
    parts = [part for part in _resolved(deepcopy(info)) if part.get("type") != "null"]
    named = []
    for part in parts:
        if "enum" in part:
            named.append(" or ".join(f"`{choice}`" for choice in part["enum"]))
        elif "const" in part:
            named.append(f"`{part['const']}`")
        elif part.get("pattern") == _MOMENT:
            named.append("moment")
        elif part.get("format") == "duration":
            named.append("duration")
        else:
            named.append(
                {"object": "block", "array": "list", "string": "text", "boolean": "true or false"}.get(
                    part["type"], part["type"]
                )
            )
    return " or ".join(dict.fromkeys(named))
