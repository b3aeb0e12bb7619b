"""Writing of a mapping as YAML, for a person to go on with."""

from typing import Any

import yaml

from overstap.intake.mappings.model import Mapping


def to_yaml(mapping: Mapping) -> str:
    """Return a mapping as YAML, without keys that are left out; a comment says what a person has to decide."""
    stated: dict[str, Any] = mapping.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    head = (
        "# A mapping (docs/mappings.md). Decide about the columns under `open` and move them to `columns`, give each\n"
        "# value without a code its code, and raise `version` with each change. Try it:\n"
        "#   overstap intake map EXPORT --with THIS_FILE\n"
    )
    return head + yaml.safe_dump(stated, allow_unicode=True, sort_keys=False, width=120)
