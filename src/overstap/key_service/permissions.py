"""What a client of the key service may have done, by the kind of content: what its pages never need is refused."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_ID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_DOSSIER = re.compile(rf"{_ID}/\d+")
_ACCESS_KEY = re.compile(rf"[^~/]+~{_ID}")


@dataclass(frozen=True, slots=True)
class Permissions:
    """What one client may ask.

    Args:
        encrypts: kinds of content that it may have encrypted.
        decrypts: kinds of content that it may have decrypted.
        looks_up: kinds of values that it may have hashed.
        derives: whether it may be given keys of access codes, for people's copies.
        signs_proof: whether it may have proofs of inspection signed as the region's conductor.
        most_lookups: how many values of a region it may have hashed in an hour; None: as many as it asks.
    """

    encrypts: frozenset[str]
    decrypts: frozenset[str]
    looks_up: frozenset[str]
    derives: bool = False
    signs_proof: bool = False
    most_lookups: int | None = None


def kind_of(bound_to: str) -> str:
    """Return the kind of content by what it is bound to: `dossier` for a version, else the word before the slash."""
    return "dossier" if _DOSSIER.fullmatch(bound_to) else bound_to.partition("/")[0]


def is_access_key(key_id: str) -> bool:
    """Tell whether a key id is one of an access code, and no other derived key nor a content key itself."""
    return _ACCESS_KEY.fullmatch(key_id) is not None


_SCHOOL = Permissions(
    encrypts=frozenset(
        {
            "access",
            "answer",
            "factor",
            "guest",
            "handover",
            "mail",
            "mapping",
            "note",
            "progress",
            "request",
            "roster",
            "support",
            "typed",
            "typed_file",
            "view",
        }
    ),
    decrypts=frozenset(
        {
            *(
                "access",
                "answer",
                "dossier",
                "factor",
                "file",
                "guest",
                "handover",
                "mapping",
                "note",
                "page",
            ),
            *("progress", "record", "report", "request", "roster", "support", "test", "typed", "typed_file", "view"),
        }
    ),
    looks_up=frozenset({"las_key", "person", "progress", "pupil", "roster", "roster_name"}),
    derives=True,
    signs_proof=True,
)
_DESK = Permissions(
    # It compares what a request says with a dossier's record, or with the dossier where there is none; and it takes
    # results of the test, which it cannot read again
    encrypts=frozenset({"test"}),
    decrypts=frozenset({"dossier", "record"}),
    looks_up=frozenset({"pupil", "test"}),
)
_BOARD = Permissions(
    # A coordinator looks a pupil up by number. Whoever takes the board over sees hashes, so not as many as they like
    encrypts=frozenset(),
    decrypts=frozenset(),
    looks_up=frozenset({"pupil"}),
    most_lookups=600,
)
CLIENTS: Mapping[str, Permissions] = MappingProxyType({"school": _SCHOOL, "desk": _DESK, "board": _BOARD})
"""The clients by name. None may decrypt mails or contact with schools."""
