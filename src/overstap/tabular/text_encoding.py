"""Decoding of text files from spreadsheets and school systems: UTF-8, UTF-16 or Windows-1252."""

import re

_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
_END_OF_FILE = "\x1a"  # Ctrl-Z, with which DOS programs end a text


def decoded(data: bytes) -> str:
    """Decode a file: UTF-8 with or without byte order mark, UTF-16 with or without, or else Windows-1252.

    Each line that is not UTF-8 is decoded as Windows-1252, since a file joined from others can change its encoding from
    line to line. Bytes that cannot be decoded become U+FFFD, so that the reader refuses only their line. The
    end-of-file character of DOS programs is removed.

    Args:
        data: content of the file.
    """
    return _decoded(data).rstrip(_END_OF_FILE)


def _decoded(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark) and encoding == "utf-16":
            return data.decode(encoding, errors="replace")
        if data.startswith(mark):
            data = data.removeprefix(mark)
    # UTF-16 without byte order mark: a table begins with ASCII, so every other byte is zero
    if len(data) > 3 and data[1] == 0 and data[3] == 0:
        return data.decode("utf-16-le", errors="replace")
    if len(data) > 3 and data[0] == 0 and data[2] == 0:
        return data.decode("utf-16-be", errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(_line(part) for part in re.split(rb"(?<=[\r\n])", data))


def _line(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
