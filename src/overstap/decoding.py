"""Text files as spreadsheets and school systems write them, decoded in one place."""

_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


def decoded(data: bytes) -> str:
    """Return a file's text: UTF-8 with or without byte order mark, UTF-16 (also without mark), or else Windows-1252.

    What is no character in any of them becomes U+FFFD, so that the reader can refuse just the line it stands in.

    Args:
        data: the whole file.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    # UTF-16 without a mark: a table begins with ASCII, so that every other byte is zero.
    if len(data) > 3 and data[1] == 0 and data[3] == 0:
        return data.decode("utf-16-le", errors="replace")
    if len(data) > 3 and data[0] == 0 and data[2] == 0:
        return data.decode("utf-16-be", errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
