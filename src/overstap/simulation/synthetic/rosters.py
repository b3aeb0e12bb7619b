"""A school's roster of a synthetic region, in EDEXML 2.1 and as a CSV file."""

import csv
import io

from lxml import etree

from overstap.simulation.synthetic.region import SyntheticRegion
from overstap.simulation.synthetic.school import PrimarySchool

EDEXML_FILE = "leerlingenlijst.xml"
"""A name under which a drop folder's roster is found."""
_COLUMNS = (
    *("leerlingnummer", "achternaam", "tussenvoegsel", "roepnaam", "geboortedatum", "geslacht"),
    *("jaargroep", "groep", "leerlingid"),
)
_BOY, _GIRL = "1", "2"
"""Sex as EDEXML has it: the reverse of OSO."""


def edexml_of(region: SyntheticRegion, school: PrimarySchool) -> bytes:
    """Return the roster of a school in EDEXML 2.1; all its pupils are in group 8.

    Args:
        region: the region.
        school: the school.
    """
    root = etree.Element("EDEX")
    about = etree.SubElement(root, "school")
    facts = {"schooljaar": region.school_year, "brincode": school.brin, "dependancecode": school.branch}
    for name, text in (facts | {"xsdversie": "2.1"}).items():
        etree.SubElement(about, name).text = text
    group = etree.SubElement(etree.SubElement(root, "groepen"), "groep", key="8a")
    etree.SubElement(group, "naam").text = "8a"
    etree.SubElement(group, "jaargroep").text = "8"
    pupils = etree.SubElement(root, "leerlingen")
    for pupil in region.pupils(school):
        one = etree.SubElement(pupils, "leerling", key=pupil.las_key)
        stated = {"achternaam": pupil.surname, "voorvoegsel": pupil.prefix, "roepnaam": pupil.first_names[0]}
        stated |= {"geboortedatum": pupil.birth_date.isoformat(), "geslacht": _GIRL if pupil.sex == 1 else _BOY}
        stated |= {"jaargroep": "8", "bsn" if pupil.has_bsn else "onderwijsnummer": pupil.number}
        for name, text in stated.items():
            if text:
                etree.SubElement(one, name).text = text
        etree.SubElement(one, "groep", key="8a")
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)


def table_of(region: SyntheticRegion, school: PrimarySchool) -> bytes:
    """Return the roster of a school as CSV, as a spreadsheet saves it; arguments as of `edexml_of`."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for pupil in region.pupils(school):
        writer.writerow(
            (
                *(pupil.number, pupil.surname, pupil.prefix, pupil.first_names[0], f"{pupil.birth_date:%d-%m-%Y}"),
                *("meisje" if pupil.sex == 1 else "jongen", "8", "8a", pupil.las_key),
            )
        )
    return out.getvalue().encode("utf-8-sig")
