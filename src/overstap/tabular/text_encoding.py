"""The character encoding of text files that spreadsheets and school systems write."""

import re

_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
_END_OF_FILE = "\x1a"  # Ctrl-Z, with which programs of DOS descent end a text


def decoded(data: bytes) -> str:
    """Return a file's text: UTF-8 with or without byte order mark, UTF-16 (also without mark), or else Windows-1252.

    Files that were joined may change their encoding from one line to the next: each line that is not UTF-8 is read as
    Windows-1252. What is no character in any of them becomes U+FFFD, so that the reader can refuse just the line that
    it stands in. The end-of-file character of DOS programs is left out at the end.

    Args:
        data: the whole file.
    """
    return _decoded(data).rstrip(_END_OF_FILE)


def _decoded(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark) and encoding == "utf-16":
            return data.decode(encoding, errors="replace")
        if data.startswith(mark):
            data = data.removeprefix(mark)
    # UTF-16 without a mark: a table begins with ASCII, so that every other byte is zero.
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
