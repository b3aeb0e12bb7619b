"""Audit chain, one hash chain per region, verifiable without the database.

A line's hash is SHA-256 over its payload, which contains the hash of the line before it. A line that is changed,
removed or moved therefore breaks every later hash. Lines removed from the end are detected by signed checkpoints that
participants keep.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import TupleRow

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class AuditLine:
    """An action on a subject. Ids, counts and digests only, since the chain is kept longer than the data."""

    subject: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChainFault:
    """The first invalid line of a chain, and the reason."""

    region: str
    seq: int
    why: str


def append(connection: psycopg.Connection[TupleRow], action: str, lines: Sequence[AuditLine]) -> None:
    """Append lines to the region's chain, by the function of the database that numbers and hashes them.

    The region's chain is locked until the transaction ends. Lines of decisions are written by the functions of the
    database that record the decisions; they are refused here.

    Args:
        connection: in a transaction of that region, with the actor in `overstap.actor`.
        action: such as "delivery.send".
        lines: one per subject.
    """
    if lines:
        # In binary form, as lists of a group are everywhere: as text, each quote of a detail is escaped by itself
        connection.execute(
            "select overstap.audit(%s, %b, %b)",
            [action, [line.subject for line in lines], [_json(line.detail) for line in lines]],
        )


_json = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode


def verify(
    lines: Iterable[tuple[str, bytes]], *, region: str, after: tuple[int, str] = (0, GENESIS)
) -> ChainFault | None:
    """Return the first fault of a chain, or None when it is valid.

    Args:
        lines: payload and hash, in order.
        region: region id that the lines must state.
        after: number and hash (hex) of the line before the first one given.
    """
    seq, previous = after
    for payload, digest in lines:
        seq += 1
        if hashlib.sha256(payload.encode()).digest() != digest:
            return ChainFault(region, seq, "its content is not what was hashed")
        try:
            line = json.loads(payload)
            stated, number, follows = line["region"], line["seq"], line["previous"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return ChainFault(region, seq, "it does not have the form of an audit line")
        if stated != region:
            return ChainFault(region, seq, "it is another region's")
        if number != seq:
            return ChainFault(region, seq, f"a line is missing or moved: it says number {number}")
        if follows != previous:
            return ChainFault(region, seq, "it does not follow from the line before")
        previous = digest.hex()
    return None


def merkle_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root of a Merkle tree over line hashes (RFC 9162 clause 2.1.1: leaves and nodes are hashed apart).

    Raises:
        ValueError: there are no lines.
    """
    if not hashes:
        raise ValueError("a tree needs a leaf")
    level = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in hashes]
    return _root(level)


def _root(level: list[bytes]) -> bytes:
    if len(level) == 1:
        return level[0]
    split = 1 << (len(level) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + _root(level[:split]) + _root(level[split:])).digest()


def line_count(connection: psycopg.Connection[TupleRow], region: str) -> int:
    """Return how many lines a region's chain has."""
    found = connection.execute("select count(*) from overstap.audit_line where region = %s", [region]).fetchone()
    return int(found[0]) if found else 0


def read_chain(connection: psycopg.Connection[TupleRow], region: str, after: int = 0) -> Iterator[tuple[str, bytes]]:
    """Yield a region's lines after a number, in order, without holding them all in memory."""
    with connection.cursor(name="audit_chain") as cursor:
        cursor.itersize = 5000
        cursor.execute(
            "select payload, hash from overstap.audit_line where region = %s and seq > %s order by seq", [region, after]
        )
        yield from cursor
