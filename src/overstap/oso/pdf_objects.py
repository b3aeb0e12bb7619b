"""Analysis of PDF files: active content, passwords, and text, from the objects of the file.

All objects in the file are analysed, whether or not the cross-reference table lists them: readers rebuild a faulty
table by scanning for objects, and a table can refer to an object inside the data of another. The data of images is
skipped, since any bytes occur in it by chance. pypdf handles filters, encryption and cross-reference tables; see
docs/decisions (PDF by structure).
"""

import io
import logging
import re
import zlib
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from pypdf import PdfReader, filters, generic

logging.getLogger("pypdf").setLevel(logging.CRITICAL)
"""Log messages of pypdf about damaged files can quote their content."""
_OBJECT = re.compile(rb"(?<![0-9])([0-9]{1,10})[\0\t\n\f\r ]+[0-9]{1,5}[\0\t\n\f\r ]+obj(?![a-zA-Z])")
_TRAILER = re.compile(rb"(?<![a-zA-Z])trailer(?=[\0\t\n\f\r ]*<<)")
_TOKEN = re.compile(
    rb"(?P<blank>(?:[\0\t\n\f\r ]+|%[^\r\n]*)+)|(?P<name>/[^\0\t\n\f\r ()<>\[\]{}/%]*)|(?P<open><<|\[)|(?P<close>>>|\])"
    rb"|(?P<hex><[^>]*>?)|(?P<string>\()|(?P<word>[^\0\t\n\f\r ()<>\[\]{}/%]+)|(?P<stray>[)>{}])"
)
_IN_STRING = re.compile(rb"\\.|[()]", re.DOTALL)
# ISO 32000-1 7.3.5: any character of a name can be escaped as #xx
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_ACTIVE_KEYS = frozenset(
    (b"JS", b"JavaScript", b"XFA", b"EmbeddedFiles", b"EF", b"RichMediaContent", b"RichMediaSettings", b"OnInstantiate")
)
_ACTIVE_VALUES = frozenset((b"JavaScript", b"Launch", b"EmbeddedFile", b"RichMedia"))
_FETCHING = frozenset((b"URI", b"GoToR", b"GoToE", b"SubmitForm", b"ImportData"))
"""Actions that access a network address or another file; refused only when they run without a click of the reader."""
_KINDS = frozenset((b"S", b"Type", b"Subtype"))
"""Keys with the type of an action, an annotation or a stream."""
_NOT_TEXT = frozenset((b"Image", b"Type1C", b"CIDFontType0C", b"OpenType", b"XRef", b"ObjStm", b"Metadata"))
_ENDS = frozenset((b"endobj", b"obj", b"stream", b"endstream", b"xref", b"trailer"))
_MAX_CHAIN = 20
"""Largest length of a chain of actions, which a hostile file could make circular."""
_MAX_DEPTH, _MAX_OBJECTS, _MAX_TOKENS = 200, 200_000, 4_000_000
_PART_BYTES, _TEXT_BYTES = 4_000_000, 8_000_000


class _Name(bytes):
    """A name, unescaped, without its slash."""


class _Reference(int):
    """A reference to an object, by its number."""


class _Dictionary(list[tuple[bytes, Any]]):
    """A dictionary as a list of keys and values; duplicate keys are kept, since readers differ in which they use."""

    def get(self, key: bytes) -> Any:
        """Return the first value of a key, or None."""
        return next((value for name, value in self if name == key), None)

    def kinds(self) -> set[bytes]:
        """Return the values of its type keys (`_KINDS`)."""
        return {bytes(value) for name, value in self if name in _KINDS and isinstance(value, _Name)}


@dataclass(slots=True)
class _PdfObject:
    """An object in the file: offset, number, value, and the data of a stream."""

    place: int
    number: int
    value: Any
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class PdfContent:
    """What a PDF holds.

    Args:
        is_active: whether it has active content or embedded files.
        is_fetching: whether it requests or sends data when a reader opens it.
        is_locked: whether it needs a password.
        is_readable: whether it contains any object.
        texts: readable text, as far as it can be extracted without rendering.
    """

    is_active: bool = False
    is_fetching: bool = False
    is_locked: bool = False
    is_readable: bool = True
    texts: tuple[str, ...] = field(default=(), repr=False)


def inspect_pdf(data: bytes) -> PdfContent:
    """Analyse a PDF file; damaged and hostile files give a result too, never an exception.

    Args:
        data: content of the file.
    """
    objects = _objects(data)
    trailers = _trailers(data)
    by_number = {each.number: each.value for each in objects}
    tables = [each.value for each in objects if isinstance(each.value, _Dictionary) and b"XRef" in each.value.kinds()]
    if any(each.get(b"Encrypt") is not None for each in [*trailers, *tables]):
        return _behind_encryption(data)
    if not objects:
        return PdfContent(is_readable=False)
    budget = _TextBudget()
    values = [each.value for each in objects]
    versions: dict[int, list[Any]] = {}
    for each in objects:
        versions.setdefault(each.number, []).append(each.value)
    texts = []
    for each in objects:
        if each.data is None or not isinstance(each.value, _Dictionary):
            continue
        if _is_object_stream(each.value):
            inner = _Tokens(_decoded(each, by_number, _PART_BYTES)).read(0, is_whole=True)[0]
            values += inner
            for number, value in _numbered(inner, each.value.get(b"N")):
                versions.setdefault(number, []).append(value)
        elif not each.value.kinds() & _NOT_TEXT and each.value.get(b"Length1") is None:
            texts.append(budget.take(_decoded(each, by_number, budget.left)))
    texts += [budget.take(text) for value in values for text in _strings(value)]
    is_active = any(map(_is_active, [*values, *trailers])) or _has_hidden_active_object(
        data, {each.place for each in objects}
    )
    is_fetching = not is_active and any(_fetches(value, versions) for value in values)
    found = tuple(each.decode("latin-1") for each in texts if each)
    return PdfContent(is_active=is_active, is_fetching=is_fetching, texts=found)


def _numbered(items: list[Any], count: Any) -> Iterator[tuple[int, Any]]:
    """Yield the objects of an object stream with their numbers (ISO 32000-1 7.5.7): pairs of numbers come first."""
    if isinstance(count, int) and 0 < count <= len(items) // 3:
        numbers = items[: 2 * count : 2]
        yield from (pair for pair in zip(numbers, items[2 * count :], strict=False) if isinstance(pair[0], int))


@dataclass(slots=True)
class _TextBudget:
    """Remaining number of bytes of text to extract."""

    left: int = _TEXT_BYTES

    def take(self, data: bytes) -> bytes:
        taken = data[: max(0, self.left)]
        self.left -= len(taken)
        return taken


def _objects(data: bytes) -> list[_PdfObject]:
    """Return the objects of a file in the order of their offsets."""
    found: list[_PdfObject] = []
    tokens = _Tokens(data)
    at = 0
    while len(found) < _MAX_OBJECTS and tokens.left > 0 and (begins := _OBJECT.search(data, at)):
        items, at, is_stream = tokens.read(begins.end())
        content = None
        if is_stream:
            at += 2 if data.startswith(b"\r\n", at) else 1
            ends = data.find(b"endstream", at)
            ends = ends if ends >= 0 else len(data)
            content, at = data[at:ends], ends
        found.append(_PdfObject(begins.start(), int(begins[1]), items[0] if items else None, content))
    return found


def _trailers(data: bytes) -> list[_Dictionary]:
    tokens = _Tokens(data)
    found = (tokens.read(begins.end())[0] for begins in islice(_TRAILER.finditer(data), 1_000))
    return [items[0] for items in found if items and isinstance(items[0], _Dictionary)]


class _Tokens:
    """Parser of PDF values; `left` bounds the number of tokens, so that a hostile file cannot take unlimited time."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.left = _MAX_TOKENS

    def read(self, at: int, *, is_whole: bool = False) -> tuple[list[Any], int, bool]:
        """Parse values from an offset; return them, the offset of their end, and whether stream data follow.

        Args:
            at: the offset, in bytes.
            is_whole: whether to parse to the end of the data instead of one object.
        """
        data = self._data
        stack: list[list[Any]] = [[]]
        opened: list[bytes] = []
        while self.left > 0 and (token := _TOKEN.match(data, at)):
            self.left -= 1
            at, kind, text = token.end(), token.lastgroup, token[0]
            if kind == "open" and len(stack) <= _MAX_DEPTH:
                stack.append([])
                opened.append(text)
            elif kind == "close" and opened:
                items = stack.pop()
                stack[-1].append(_paired(items) if opened.pop() == b"<<" else items)
            elif kind == "name":
                stack[-1].append(_Name(_ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), text[1:])))
            elif kind == "string":
                at, text = self._string(at)
                stack[-1].append(text)
            elif kind == "hex":
                stack[-1].append(_of_hex(text))
            elif kind == "word" and text in _ENDS and not is_whole:
                if text == b"stream" and not opened:
                    return stack[0], at, True
                break
            elif kind == "word":
                self._word(stack[-1], text)
            elif kind == "close" and not is_whole:
                break
        while opened:  # truncated or unbalanced: the values so far are used
            items = stack.pop()
            stack[-1].append(_paired(items) if opened.pop() == b"<<" else items)
        return stack[0], at, False

    @staticmethod
    def _word(items: list[Any], text: bytes) -> None:
        if text == b"R" and len(items) >= 2 and isinstance(items[-2], int):
            number = items[-2]
            del items[-2:]
            items.append(_Reference(number))
        else:
            items.append(int(text) if text.isdigit() and len(text) < 16 else text.decode("latin-1"))

    def _string(self, at: int) -> tuple[int, bytes]:
        """Parse a string after its opening bracket; return the offset of its end and its content."""
        begin, depth = at, 1
        while found := _IN_STRING.search(self._data, at):
            self.left -= 1
            at = found.end()
            depth += {b"(": 1, b")": -1}.get(found[0], 0)
            if depth == 0:
                return at, self._data[begin : at - 1]
            if self.left <= 0:
                break
        return len(self._data), self._data[begin:]


def _of_hex(text: bytes) -> bytes:
    digits = re.sub(rb"[^0-9A-Fa-f]", b"", text)
    return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())


def _paired(items: list[Any]) -> _Dictionary:
    made, at = _Dictionary(), 0
    while at < len(items):
        key = items[at]
        if not isinstance(key, _Name):
            at += 1
            continue
        made.append((bytes(key), items[at + 1] if at + 1 < len(items) else None))
        at += 2
    return made


def _within(value: Any) -> Iterator[Any]:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        yield each
        if isinstance(each, _Dictionary):
            waiting += [inner for _, inner in each]
        elif isinstance(each, list):
            waiting += each


def _is_active(value: Any) -> bool:
    """Return whether an object, or a value within it, is active content or an embedded file."""
    for each in _within(value):
        if isinstance(each, _Dictionary) and (
            any(name in _ACTIVE_KEYS for name, _ in each) or each.kinds() & _ACTIVE_VALUES
        ):
            return True
    return False


def _fetches(value: Any, versions: Mapping[int, list[Any]]) -> bool:
    """Return whether an object has an action that runs without a click and accesses a network address or another file.

    Args:
        value: the object.
        versions: all values of each object number; an incremental update replaces an object, but readers differ in
            which version they use.
    """
    for each in _within(value):
        if not isinstance(each, _Dictionary):
            continue
        automatic = [inner for name, inner in each if name == b"OpenAction"]
        for triggers in [inner for name, inner in each if name == b"AA"]:
            for resolved in _versions_of(triggers, versions):
                automatic += [inner for _, inner in resolved] if isinstance(resolved, _Dictionary) else []
        for _ in range(_MAX_CHAIN):
            actions = [
                action
                for each in automatic
                for action in _versions_of(each, versions)
                if isinstance(action, _Dictionary)
            ]
            if any(action.kinds() & _FETCHING for action in actions):
                return True
            following = [inner for action in actions for name, inner in action if name == b"Next"]
            automatic = [item for each in following for item in (each if type(each) is list else [each])][:_MAX_CHAIN]
    return False


def _versions_of(value: Any, versions: Mapping[int, list[Any]]) -> list[Any]:
    return versions.get(int(value), []) if isinstance(value, _Reference) else [value]


def _strings(value: Any) -> Iterator[bytes]:
    for each in _within(value):
        if type(each) is bytes:
            yield _readable(each) + b"\n"


def _readable(text: bytes) -> bytes:
    """Convert a text string (ISO 32000-1 7.9.2.2) to one byte per character."""
    if text.startswith(b"\xfe\xff"):
        return text[2:].decode("utf-16-be", "ignore").encode("latin-1", "replace")
    return text


def _is_object_stream(value: _Dictionary) -> bool:
    return b"ObjStm" in value.kinds() or (value.get(b"First") is not None and value.get(b"N") is not None)


def _decoded(stream: _PdfObject, objects: Mapping[int, Any], most: int) -> bytes:
    """Return at most `most` bytes of a stream's decoded data; empty when it cannot be decoded."""
    if most <= 0 or stream.data is None:
        return b""
    most = min(most, _PART_BYTES)
    wanted = (b"Filter", b"F", b"DecodeParms", b"DP")
    about = {name: _resolved(value, objects) for name, value in stream.value if name in wanted}
    chain = about.get(b"Filter", about.get(b"F"))
    if chain is None:
        return stream.data[:most]
    is_plain_deflate = chain in (b"FlateDecode", b"Fl", [b"FlateDecode"]) and not about.get(b"DecodeParms")
    try:
        if is_plain_deflate:
            return zlib.decompressobj().decompress(stream.data, most)
        made = generic.DecodedStreamObject()  # unlike EncodedStreamObject, it accepts raw data
        for name in (b"Filter", b"DecodeParms"):
            if about.get(name) is not None:
                made[generic.NameObject(f"/{name.decode()}")] = _for_pypdf(about[name])
        made.set_data(stream.data)
        return bytes(filters.decode_stream_data(made))[:most]
    except Exception:  # pypdf raises arbitrary exceptions for damaged filters; there is no text then
        return b""


def _resolved(value: Any, objects: Mapping[int, Any], depth: int = 0) -> Any:
    if isinstance(value, _Reference) and depth < 8:
        return _resolved(objects.get(int(value)), objects, depth + 1)
    if isinstance(value, _Dictionary):
        return _Dictionary((name, _resolved(inner, objects, depth + 1)) for name, inner in value) if depth < 8 else None
    if isinstance(value, list):
        return [_resolved(inner, objects, depth + 1) for inner in value] if depth < 8 else None
    return value


def _for_pypdf(value: Any) -> Any:
    if isinstance(value, _Dictionary):
        made = generic.DictionaryObject()
        for name, inner in value:
            made[generic.NameObject(f"/{name.decode('latin-1')}")] = _for_pypdf(inner)
        return made
    if isinstance(value, list):
        return generic.ArrayObject(_for_pypdf(inner) for inner in value)
    if isinstance(value, _Name):
        return generic.NameObject(f"/{value.decode('latin-1')}")
    if isinstance(value, int):
        return generic.NumberObject(value)
    return generic.BooleanObject(value == "true") if value in ("true", "false") else generic.NullObject()


def _behind_encryption(data: bytes) -> PdfContent:
    """Analyse an encrypted PDF file that opens without a password, as files with restricted printing do."""
    try:
        reader = PdfReader(io.BytesIO(data))
        if not reader.is_encrypted or not reader.decrypt(""):
            return PdfContent(is_locked=True)
        budget, texts, is_active, is_fetching = _TextBudget(), [], False, False
        for value in _by_table(reader):
            is_active = is_active or _is_active_by_pypdf(value)
            is_fetching = is_fetching or _fetches_by_pypdf(value)
            if isinstance(value, generic.StreamObject) and str(value.get("/Subtype")) != "/Image":
                texts.append(budget.take(_data_by_pypdf(value)))
        found = tuple(each.decode("latin-1") for each in texts)
        return PdfContent(is_active=is_active, is_fetching=is_fetching, texts=found)
    except Exception:  # pypdf raises arbitrary exceptions for damaged files; they count as locked
        return PdfContent(is_locked=True)


def _data_by_pypdf(value: Any) -> bytes:
    try:
        return bytes(value.get_data())[:_PART_BYTES]
    except Exception:  # a damaged filter: there is no text
        return b""


def _by_table(reader: PdfReader) -> Iterator[Any]:
    """Yield the objects that the cross-reference table lists."""
    listed = [(number, generation) for generation, offsets in reader.xref.items() for number in offsets]
    for number, generation in [*listed, *((number, 0) for number in reader.xref_objStm)][:_MAX_OBJECTS]:
        yield reader.get_object(generic.IndirectObject(number, generation, reader))


def _has_hidden_active_object(data: bytes, seen: Set[int]) -> bool:
    """Return whether the cross-reference table lists an active object inside the data of another object."""
    if data.rfind(b"startxref") < len(data) - 2_048:
        return False
    try:
        reader = PdfReader(io.BytesIO(data))
        hidden = [
            (number, generation)
            for generation, offsets in reader.xref.items()
            for number, offset in offsets.items()
            if offset not in seen and _OBJECT.match(data, offset)
        ]
        found = (reader.get_object(generic.IndirectObject(number, generation, reader)) for number, generation in hidden)
        return any(map(_is_active_by_pypdf, found))
    except Exception:  # with an unusable table, readers scan for objects, as `_objects` did
        return False


def _is_active_by_pypdf(value: Any, depth: int = 0) -> bool:
    if depth > _MAX_DEPTH or isinstance(value, generic.IndirectObject):
        return False
    if isinstance(value, generic.DictionaryObject):
        if any(name[1:].encode("latin-1", "replace") in _ACTIVE_KEYS for name in value):
            return True
        kinds = {str(value.raw_get(f"/{key.decode()}"))[1:].encode() for key in _KINDS if f"/{key.decode()}" in value}
        if kinds & _ACTIVE_VALUES:
            return True
        return any(_is_active_by_pypdf(value.raw_get(name), depth + 1) for name in value)
    return isinstance(value, generic.ArrayObject) and any(_is_active_by_pypdf(each, depth + 1) for each in value)


def _fetches_by_pypdf(value: Any) -> bool:
    """Do what `_fetches` does for an object of an encrypted file, whose objects only pypdf can read."""
    actions = [_entry(value, "/OpenAction")]
    triggers = _entry(value, "/AA")
    actions += [_entry(triggers, name) for name in triggers] if isinstance(triggers, generic.DictionaryObject) else []
    for _ in range(_MAX_CHAIN):
        if any(str(_entry(action, "/S"))[1:].encode("latin-1", "replace") in _FETCHING for action in actions):
            return True
        following = [_entry(action, "/Next") for action in actions]
        actions = [
            inner.get_object()
            for each in following
            if each is not None
            for inner in (each if isinstance(each, generic.ArrayObject) else [each])
        ][:_MAX_CHAIN]
    return False


def _entry(value: Any, name: str) -> Any:
    """Return what a dictionary has under a name, and not a reference to it; None without one."""
    return value[name] if isinstance(value, generic.DictionaryObject) and name in value else None
