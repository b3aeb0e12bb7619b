"""The public description of the Doorstroomtoets API 1.1.0, where it is at hand, and judgement of messages by it."""

import copy
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_schema_validator import OAS30Validator, oas30_format_checker


def path() -> Path:
    """Return where the description is, OVERSTAP_DOORSTROOMTOETS or beside the repository; skip where it is not."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "standards" / "doorstroomtoets" / "openapi-1.1.0.yaml"
    found = Path(os.environ.get("OVERSTAP_DOORSTROOMTOETS", beside))
    if not found.is_file():
        pytest.skip("the description of the Doorstroomtoets API 1.1.0 is not at hand: set OVERSTAP_DOORSTROOMTOETS")
    return found


def described() -> dict[str, Any]:
    """Return the description."""
    found: dict[str, Any] = yaml.safe_load(path().read_text(encoding="utf-8"))
    return found


class Judge:
    """Holds requests and answers against the description, by a validator of OpenAPI 3.0 that nobody here wrote.

    Args:
        description: the description.
    """

    def __init__(self, description: Mapping[str, Any]) -> None:
        self.description = description

    def request(self, call: str, query: Mapping[str, str], body: bytes) -> None:
        """Assert that a request is as described: its parameters, and its body."""
        described = self.description["paths"][call]["post"]
        for parameter in described["parameters"]:
            assert parameter["in"] == "query"
            if parameter["required"]:
                self._hold(query[parameter["name"]], parameter["schema"])
        assert query.keys() <= {parameter["name"] for parameter in described["parameters"]}
        self._hold(json.loads(body), described["requestBody"]["content"]["application/json"]["schema"])

    def answer(self, call: str, status: int, body: bytes) -> None:
        """Assert that an answer is one of those described, and its body too."""
        described = self.description["paths"][call]["post"]["responses"][str(status)]
        self._hold(json.loads(body), described["content"]["application/json"]["schema"])

    def _hold(self, value: object, schema: Mapping[str, Any]) -> None:
        whole = {**copy.deepcopy(dict(schema)), "components": self.description["components"]}
        problems = list(OAS30Validator(whole, format_checker=oas30_format_checker).iter_errors(value))
        assert problems == [], [f"{list(one.absolute_path)}: {one.validator}" for one in problems]
