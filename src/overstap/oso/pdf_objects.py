"""PDF read by its structure: whether an object acts by itself, whether it needs a password, and the text in it.

All objects count that stand in the file, whether its table of contents names them or not: a program that finds the
table wrong looks for objects itself, and a table may name an object that hides in the data of another. Only objects are
looked at, never the data of pictures, in which any bytes occur by chance. Filters, encryption and tables of contents
are pypdf's; see docs/decisions (PDF by structure).
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
"""What pypdf says of a damaged file may quote it."""
_OBJECT = re.compile(rb"(?<![0-9])([0-9]{1,10})[\0\t\n\f\r ]+[0-9]{1,5}[\0\t\n\f\r ]+obj(?![a-zA-Z])")
_TRAILER = re.compile(rb"(?<![a-zA-Z])trailer(?=[\0\t\n\f\r ]*<<)")
_TOKEN = re.compile(
    rb"(?P<blank>(?:[\0\t\n\f\r ]+|%[^\r\n]*)+)|(?P<name>/[^\0\t\n\f\r ()<>\[\]{}/%]*)|(?P<open><<|\[)|(?P<close>>>|\])"
    rb"|(?P<hex><[^>]*>?)|(?P<string>\()|(?P<word>[^\0\t\n\f\r ()<>\[\]{}/%]+)|(?P<stray>[)>{}])"
)
_IN_STRING = re.compile(rb"\\.|[()]", re.DOTALL)
# ISO 32000-1 7.3.5: any character of a name may be written as #xx
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_ACTIVE_KEYS = frozenset(
    (b"JS", b"JavaScript", b"XFA", b"EmbeddedFiles", b"EF", b"RichMediaContent", b"RichMediaSettings", b"OnInstantiate")
)
_ACTIVE_VALUES = frozenset((b"JavaScript", b"Launch", b"EmbeddedFile", b"RichMedia"))
_FETCHING = frozenset((b"URI", b"GoToR", b"GoToE", b"SubmitForm", b"ImportData"))
"""Actions that leave the file; by themselves they do so at opening, while a link waits for a person."""
_KINDS = frozenset((b"S", b"Type", b"Subtype"))
"""Keys that say what an action, an annotation or a stream is."""
_NOT_TEXT = frozenset((b"Image", b"Type1C", b"CIDFontType0C", b"OpenType", b"XRef", b"ObjStm", b"Metadata"))
_ENDS = frozenset((b"endobj", b"obj", b"stream", b"endstream", b"xref", b"trailer"))
_CHAIN = 20
"""How many actions one may lead to."""
_DEEPEST, _OBJECTS_MOST, _TOKENS_MOST = 200, 200_000, 4_000_000
_PART_BYTES, _TEXT_BYTES = 4_000_000, 8_000_000


class _Name(bytes):
    """A name, unescaped, without its slash."""


class _Reference(int):
    """The number of an object that is meant."""


class _Dictionary(list[tuple[bytes, Any]]):
    """Keys with values, in order; a key that stands twice has both, for programs differ in which one they take."""

    def get(self, key: bytes) -> Any:
        """Return the first value of a key, None without one."""
        return next((value for name, value in self if name == key), None)

    def kinds(self) -> set[bytes]:
        """Return what it says that it is."""
        return {bytes(value) for name, value in self if name in _KINDS and isinstance(value, _Name)}


@dataclass(slots=True)
class _Found:
    """An object in the file: where it begins, its number, what it is, and its data if it is a stream."""

    place: int
    number: int
    value: Any
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class PdfContent:
    """What a PDF holds.

    Args:
        is_active: whether something in it runs, or a file is in it.
        is_fetching: whether it gets or sends something by itself when it is opened.
        is_locked: whether it takes a password to see that.
        is_readable: whether there is an object in it at all.
        texts: what a person could read in it, as far as it can be had without a renderer.
    """

    is_active: bool = False
    is_fetching: bool = False
    is_locked: bool = False
    is_readable: bool = True
    texts: tuple[str, ...] = field(default=(), repr=False)


def look_into(data: bytes) -> PdfContent:
    """Return what a PDF holds; whatever the file is like, it gives an answer and never an exception.

    Args:
        data: the whole file.
    """
    objects = _objects(data)
    trailers = _trailers(data)
    by_number = {each.number: each.value for each in objects}
    tables = [each.value for each in objects if isinstance(each.value, _Dictionary) and b"XRef" in each.value.kinds()]
    if any(each.get(b"Encrypt") is not None for each in [*trailers, *tables]):
        return _behind_encryption(data)
    if not objects:
        return PdfContent(is_readable=False)
    room = _Room()
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
            texts.append(room.take(_decoded(each, by_number, room.left)))
    texts += [room.take(text) for value in values for text in _strings(value)]
    is_active = any(map(_acts, [*values, *trailers])) or _acts_out_of_sight(data, {each.place for each in objects})
    is_fetching = not is_active and any(_fetches(value, versions) for value in values)
    found = tuple(each.decode("latin-1") for each in texts if each)
    return PdfContent(is_active=is_active, is_fetching=is_fetching, texts=found)


def _numbered(items: list[Any], count: Any) -> Iterator[tuple[int, Any]]:
    """Yield the objects of an object stream with their numbers (ISO 32000-1 7.5.7): pairs of numbers come first."""
    if isinstance(count, int) and 0 < count <= len(items) // 3:
        numbers = items[: 2 * count : 2]
        yield from (pair for pair in zip(numbers, items[2 * count :], strict=False) if isinstance(pair[0], int))


@dataclass(slots=True)
class _Room:
    """How many bytes of text may still be looked at."""

    left: int = _TEXT_BYTES

    def take(self, data: bytes) -> bytes:
        taken = data[: max(0, self.left)]
        self.left -= len(taken)
        return taken


def _objects(data: bytes) -> list[_Found]:
    """Return the objects of a file in the order in which they stand."""
    found: list[_Found] = []
    tokens = _Tokens(data)
    at = 0
    while len(found) < _OBJECTS_MOST and tokens.left > 0 and (begins := _OBJECT.search(data, at)):
        items, at, is_stream = tokens.read(begins.end())
        content = None
        if is_stream:
            at += 2 if data.startswith(b"\r\n", at) else 1
            ends = data.find(b"endstream", at)
            ends = ends if ends >= 0 else len(data)
            content, at = data[at:ends], ends
        found.append(_Found(begins.start(), int(begins[1]), items[0] if items else None, content))
    return found


def _trailers(data: bytes) -> list[_Dictionary]:
    tokens = _Tokens(data)
    found = (tokens.read(begins.end())[0] for begins in islice(_TRAILER.finditer(data), 1_000))
    return [items[0] for items in found if items and isinstance(items[0], _Dictionary)]


class _Tokens:
    """Reads values out of a file; `left` bounds the work, whatever the file is like."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.left = _TOKENS_MOST

    def read(self, at: int, *, is_whole: bool = False) -> tuple[list[Any], int, bool]:
        """Return the values that begin at a place, where they end, and whether the data of a stream follow.

        Args:
            at: the place.
            is_whole: whether everything is to be read that is there, and not one object only.
        """
        data = self._data
        stack: list[list[Any]] = [[]]
        opened: list[bytes] = []
        while self.left > 0 and (token := _TOKEN.match(data, at)):
            self.left -= 1
            at, kind, text = token.end(), token.lastgroup, token[0]
            if kind == "open" and len(stack) <= _DEEPEST:
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
        while opened:  # cut off, or ended too early: what is there counts
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
        """Return where a string ends whose bracket was just read, and what is in it."""
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


def _acts(value: Any) -> bool:
    """Tell whether an object, or one within it, is an action that runs, or a file."""
    for each in _within(value):
        if isinstance(each, _Dictionary) and (
            any(name in _ACTIVE_KEYS for name, _ in each) or each.kinds() & _ACTIVE_VALUES
        ):
            return True
    return False


def _fetches(value: Any, versions: Mapping[int, list[Any]]) -> bool:
    """Tell whether an object has an action that a program follows by itself, and that leaves the file.

    Args:
        value: the object.
        versions: by number, what the file has under it: an update may have replaced what an older program still reads.
    """
    for each in _within(value):
        if not isinstance(each, _Dictionary):
            continue
        begun = [inner for name, inner in each if name == b"OpenAction"]
        for actions in [inner for name, inner in each if name == b"AA"]:
            for meant in _meant(actions, versions):
                begun += [inner for _, inner in meant] if isinstance(meant, _Dictionary) else []
        for _ in range(_CHAIN):
            actions = [one for each in begun for one in _meant(each, versions) if isinstance(one, _Dictionary)]
            if any(one.kinds() & _FETCHING for one in actions):
                return True
            following = [inner for one in actions for name, inner in one if name == b"Next"]
            begun = [one for each in following for one in (each if type(each) is list else [each])][:_CHAIN]
    return False


def _meant(value: Any, versions: Mapping[int, list[Any]]) -> list[Any]:
    return versions.get(int(value), []) if isinstance(value, _Reference) else [value]


def _strings(value: Any) -> Iterator[bytes]:
    for each in _within(value):
        if type(each) is bytes:
            yield _readable(each) + b"\n"


def _readable(text: bytes) -> bytes:
    """Return a text string (ISO 32000-1 7.9.2.2) with one byte a character."""
    if text.startswith(b"\xfe\xff"):
        return text[2:].decode("utf-16-be", "ignore").encode("latin-1", "replace")
    return text


def _is_object_stream(value: _Dictionary) -> bool:
    return b"ObjStm" in value.kinds() or (value.get(b"First") is not None and value.get(b"N") is not None)


def _decoded(stream: _Found, objects: Mapping[int, Any], most: int) -> bytes:
    """Return a stream's data behind its filters, no more than so many bytes; nothing where that cannot be had."""
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
        made = generic.DecodedStreamObject()  # of the two, the one whose data can be set as they are
        for name in (b"Filter", b"DecodeParms"):
            if about.get(name) is not None:
                made[generic.NameObject(f"/{name.decode()}")] = _for_pypdf(about[name])
        made.set_data(stream.data)
        return bytes(filters.decode_stream_data(made))[:most]
    except Exception:  # pypdf raises whatever a damaged filter leads it to; such data hold nothing to read
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
    """Return what an encrypted PDF holds that opens without a password: often only printing is held back."""
    try:
        reader = PdfReader(io.BytesIO(data))
        if not reader.is_encrypted or not reader.decrypt(""):
            return PdfContent(is_locked=True)
        room, texts, is_active, is_fetching = _Room(), [], False, False
        for value in _by_table(reader):
            is_active = is_active or _acts_by_pypdf(value)
            is_fetching = is_fetching or _fetches_by_pypdf(value)
            if isinstance(value, generic.StreamObject) and str(value.get("/Subtype")) != "/Image":
                texts.append(room.take(_data_by_pypdf(value)))
        found = tuple(each.decode("latin-1") for each in texts)
        return PdfContent(is_active=is_active, is_fetching=is_fetching, texts=found)
    except Exception:  # pypdf raises whatever a damaged file leads it to; what cannot be looked into is locked
        return PdfContent(is_locked=True)


def _data_by_pypdf(value: Any) -> bytes:
    try:
        return bytes(value.get_data())[:_PART_BYTES]
    except Exception:  # a damaged filter: nothing to read
        return b""


def _by_table(reader: PdfReader) -> Iterator[Any]:
    """Yield the objects that the table of contents names."""
    places = [(number, generation) for generation, found in reader.xref.items() for number in found]
    for number, generation in [*places, *((number, 0) for number in reader.xref_objStm)][:_OBJECTS_MOST]:
        yield reader.get_object(generic.IndirectObject(number, generation, reader))


def _acts_out_of_sight(data: bytes, seen: Set[int]) -> bool:
    """Tell whether the table of contents names an object that acts and stands within something else."""
    if data.rfind(b"startxref") < len(data) - 2_048:
        return False
    try:
        reader = PdfReader(io.BytesIO(data))
        hidden = [
            (number, generation)
            for generation, places in reader.xref.items()
            for number, place in places.items()
            if place not in seen and _OBJECT.match(data, place)
        ]
        found = (reader.get_object(generic.IndirectObject(number, generation, reader)) for number, generation in hidden)
        return any(map(_acts_by_pypdf, found))
    except Exception:  # a table that cannot be used: programs look for the objects themselves then, as was done here
        return False


def _acts_by_pypdf(value: Any, depth: int = 0) -> bool:
    if depth > _DEEPEST or isinstance(value, generic.IndirectObject):
        return False
    if isinstance(value, generic.DictionaryObject):
        if any(name[1:].encode("latin-1", "replace") in _ACTIVE_KEYS for name in value):
            return True
        kinds = {str(value.raw_get(f"/{key.decode()}"))[1:].encode() for key in _KINDS if f"/{key.decode()}" in value}
        if kinds & _ACTIVE_VALUES:
            return True
        return any(_acts_by_pypdf(value.raw_get(name), depth + 1) for name in value)
    return isinstance(value, generic.ArrayObject) and any(_acts_by_pypdf(each, depth + 1) for each in value)


def _fetches_by_pypdf(value: Any) -> bool:
    """Tell whether an object of an encrypted file has an action that is followed by itself, and leaves the file."""
    begun = [_entry(value, "/OpenAction")]
    actions = _entry(value, "/AA")
    begun += [_entry(actions, name) for name in actions] if isinstance(actions, generic.DictionaryObject) else []
    for _ in range(_CHAIN):
        if any(str(_entry(one, "/S"))[1:].encode("latin-1", "replace") in _FETCHING for one in begun):
            return True
        following = [_entry(one, "/Next") for one in begun]
        begun = [
            inner.get_object()
            for one in following
            if one is not None
            for inner in (one if isinstance(one, generic.ArrayObject) else [one])
        ][:_CHAIN]
    return False


def _entry(value: Any, name: str) -> Any:
    """Return what a dictionary has under a name, and not a reference to it; None without one."""
    return value[name] if isinstance(value, generic.DictionaryObject) and name in value else None
