"""Files that do not belong in a drop folder, each with a name that states its fault."""

import os
from pathlib import Path

_NAMESPACE = "http://www.edustandaard.nl/oso_gegevensset/2019/dossier"
LARGE_BYTES = 200_000_000

CONTENTS: dict[str, bytes] = {
    "leeg.xml": b"",
    "geen xml.xml": "Beste collega, hierbij de dossiers. Groet, \u00e9\u00e9n van ons.\n".encode("cp1252"),
    "afgebroken.xml": f'<?xml version="1.0" encoding="UTF-8"?>\n<dossier xmlns="{_NAMESPACE}">\n  <metadata>'.encode(),
    "oude versie.xml": b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<dossier xmlns="http://www.edustandaard.nl/oso_gegevensset/2012/dossier"><metadata/></dossier>\n',
    "ander bericht.xml": b'<?xml version="1.0"?>\n<bericht><onderwerp>Ouderavond</onderwerp></bericht>\n',
    "doctype.xml": f'<?xml version="1.0"?>\n<!DOCTYPE dossier [<!ENTITY buiten SYSTEM "file:///etc/hostname">]>\n'
    f'<dossier xmlns="{_NAMESPACE}">&buiten;</dossier>\n'.encode(),
    "lachsalvo.xml": (
        '<?xml version="1.0"?>\n<!DOCTYPE dossier [<!ENTITY a "ha">\n'
        + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">\n' for n in range(9))
        + f']>\n<dossier xmlns="{_NAMESPACE}">&j;</dossier>\n'
    ).encode(),
    "overzicht groep 8.xlsx": b"PK\x03\x04 not a workbook",
    "export.zip": b"PK\x05\x06" + b"\0" * 18,
    "bezig.xml.part": b"<?xml version",
    "~$overzicht.xml": b"lock",
    ".verborgen.xml": b"<dossier/>",
}


def write_litter(folder: Path, modified_at: float) -> int:
    """Write every kind of such a file in a folder; return their number.

    Args:
        folder: a school's drop folder.
        modified_at: time stamp of the files, POSIX seconds, so that they do not count as still being written.
    """
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)
    with (folder / "te groot.xml").open("wb") as large:
        large.truncate(LARGE_BYTES)  # a hole in the file: takes no room on the disk
    (folder / "map.xml").mkdir(exist_ok=True)
    link = folder / "verwijzing.xml"
    link.unlink(missing_ok=True)
    link.symlink_to("/etc/hostname")
    for entry in folder.iterdir():
        if entry.name in CONTENTS or entry.name == "te groot.xml":
            os.utime(entry, (modified_at, modified_at))
    return len(CONTENTS) + 3
