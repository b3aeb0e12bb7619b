"""What somebody types for a plain pupil, for tests with and without a browser."""

from collections.abc import Mapping

from overstap.clock import dutch_time, now

NUMBER = "999990019"
"""A number that passes the test of citizen service numbers and belongs to nobody."""


def plain_pupil(number: str = NUMBER, surname: str = "Zonneveld") -> dict[str, dict[str, str]]:
    """Return per step what is typed for a plain pupil, each by the path of its field."""
    year = dutch_time(now()).year
    start = year if dutch_time(now()).month >= 8 else year - 1
    return {
        "leerling": {
            "leerling/voornaam": "Sanne Maria",
            "leerling/voorvoegsel": "van de",
            "leerling/achternaam": surname,
            "leerling/roepnaam": "Sanne",
            "leerling/geboortedatum": f"3 mei {start - 11}",
            "leerling/geslacht": "1",
            "leerling/adresgeheim": "false",
            "leerling/adreslijst/adres[1]/~straat": "Dorpsstraat 12a",
            "leerling/adreslijst/adres[1]/postcode": "1234ab",
            "leerling/adreslijst/adres[1]/plaats": "Ons Dorp",
            "leerling/bsn": number,
            "leerling/datuminschrijving": f"1-8-{start - 7}",
        },
        "oudersverzorgers": {
            "leerling/verzorgersaansprakelijk": "true",
            "leerling/verzorger[1]/voornaam": "Petra",
            "leerling/verzorger[1]/achternaam": surname,
            "leerling/verzorger[1]/communicatielijst/communicatie[1]/nummer": "06-12345678",
            "leerling/verzorger[1]/communicatielijst/communicatie[2]/nummer": "petra@example.org",
            "leerling/verzorger[1]/relatietotkind": "2",
            "leerling/verzorger[1]/wettigevertegenwoordiger": "true",
        },
        "schoolloopbaan": {
            "leerling/schoolloopbaanlijst/schoolloopbaan[1]/schooljaar": f"{start}/{(start + 1) % 100:02}",
            "leerling/schoolloopbaanlijst/schoolloopbaan[1]/jaargroep": "8",
            "leerling/schoolloopbaanlijst/schoolloopbaan[1]/groepscode": "8a",
            "leerling/schoolloopbaanlijst/schoolloopbaan[1]/brincode": "99aa",
            "leerling/schoolloopbaanlijst/schoolloopbaan[1]/vestigingscode": "00",
        },
        "overstapadvies": {
            "leerling/overstapadvies/advies": "61",
            "leerling/overstapadvies/contactnodig": "false",
        },
        "school": {
            "naam": "De Regenboog",
            "adreslijst/adres[1]/~straat": "Schoolplein 1",
            "adreslijst/adres[1]/postcode": "1234 AB",
            "adreslijst/adres[1]/plaats": "Ons Dorp",
            "communicatielijst/communicatie[1]/nummer": "info@regenboog.example",
        },
    }


def together(steps: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the answers of all steps in one."""
    return {path: text for answers in steps.values() for path, text in answers.items()}
