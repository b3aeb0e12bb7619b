"""Official rules that need code: each function yields the places where its rule is broken.

Which rule ids a function serves, and for which kind of dossier, stands in `include/schemas/oso/<version>/rules.csv`.
The verdict is that of the official sheets (ValideerOverstapprofielen.xsl, ValideerSwvPaO-profielen.xsl and
ValideerOSOgegevensset.xsl of that version), odd as some of it is; what the sheets overlook is in our own suite.
"""

import re
from collections.abc import Iterator
from datetime import date

from overstap.quality.rule_context import Place, RuleContext, has_address

PLACEHOLDERS = {"telefoon": "9999999999", "e-mail": "geheim@geheim.geheim"}
"""What stands in for a secret contact detail (data set 2019.1, rule OVa.LL08)."""

# As officially: not anchored at the start, so anything may stand before the address. The end is that of the text:
# XPath's `$` leaves no line end behind it, as Python's does.
_E_MAIL = re.compile(
    r"[a-zA-Z0-9!#$%*+=?^_`{|}~.-]+@[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*\Z"
)
_LWOO_END = re.compile(r"[0-9]{4}-07-31")


def holds_administration(context: RuleContext) -> Iterator[Place]:
    """The dossier is from a pupil administration, not from a monitoring or test system alone."""
    metadata = context.first("metadata")
    if metadata is not None and metadata.text("deeldossier") not in ("LAS", "LASLVS"):
        yield metadata, "deeldossier", 0


def transfer_is(context: RuleContext, *allowed: str) -> Iterator[Place]:
    """The kind of transfer is one of those this kind of dossier can be."""
    metadata = context.first("metadata")
    if metadata is not None and context.transfer not in allowed:
        yield metadata, "overstap", 0


def kind_is(context: RuleContext, *allowed: str) -> Iterator[Place]:
    """The kind of hand-over is one that the sheet is for."""
    if context.kind not in allowed and context.first("metadata") is not None:
        yield context.root, "overdrachtsoort", 0


def inspected(context: RuleContext) -> Iterator[Place]:
    """The parents have seen the dossier."""
    block = context.first("inzage")
    if block is not None and not block.is_true("inzage"):
        yield block, "inzage", 0


def inspection_field(context: RuleContext, field: str) -> Iterator[Place]:
    """An inspection that has taken place says when, and whether the parents agree."""
    block = context.first("inzage")
    if block is not None and field not in block.node and block.is_true("inzage"):
        yield block, field, 0


def school_address_and_career(context: RuleContext) -> Iterator[Place]:
    """The school has an address, and the pupil a school career: the official sheets use one id for both."""
    school = context.first("huidigeschool")
    if school is not None and not has_address(school.node):
        yield school, "adreslijst", 0
    pupil = context.first("leerling")
    if pupil is not None and "schoolloopbaan" not in context.blocks:
        yield pupil, "schoolloopbaanlijst", 0


def school_contact(context: RuleContext) -> Iterator[Place]:
    """The school can be reached."""
    school = context.first("huidigeschool")
    if school is not None and not any("communicatie" in each for each in school.node.get("communicatielijst", ())):
        yield school, "communicatielijst", 0


def pupil_address(context: RuleContext) -> Iterator[Place]:
    """A pupil whose address is not secret has one, Dutch or foreign."""
    pupil = context.first("leerling")
    if (
        pupil is not None
        and not has_address(pupil.node)
        and "adresbuitenland" not in pupil.node
        and not pupil.is_true("adresgeheim")
    ):
        yield pupil, "adreslijst", 0


def secret_pupil_address(context: RuleContext) -> Iterator[Place]:
    """A pupil whose address is secret has none in the dossier."""
    pupil = context.first("leerling")
    if pupil is not None and pupil.is_true("adresgeheim") and has_address(pupil.node):
        yield pupil, "adreslijst", 0


def secret_foreign_address(context: RuleContext) -> Iterator[Place]:
    """A pupil whose address is secret has no foreign address in the dossier either."""
    pupil = context.first("leerling")
    if pupil is not None and "adresbuitenland" in pupil.node and pupil.is_true("adresgeheim"):
        yield pupil, "adresbuitenland", 0


def liable_institution(context: RuleContext) -> Iterator[Place]:
    """Where the carers are not liable, or it is not said that they are, an institution is."""
    pupil = context.first("leerling")
    if (
        pupil is not None
        and "aansprakelijkeinstelling" not in pupil.node
        and not pupil.is_true("verzorgersaansprakelijk")
    ):
        yield pupil, "aansprakelijkeinstelling", 0


def carer_when_liable(context: RuleContext) -> Iterator[Place]:
    """Carers who are liable are in the dossier."""
    pupil = context.first("leerling")
    if pupil is not None and "verzorger" not in pupil.node and pupil.is_true("verzorgersaansprakelijk"):
        yield pupil, "verzorger", 0


def _unmasked(context: RuleContext, *, of_carer: bool) -> Iterator[Place]:
    for block, kind, number, is_secret in context.contacts:
        if is_secret:
            placeholder = PLACEHOLDERS.get(kind)
            if placeholder and number != placeholder and block.within("verzorger") is of_carer:
                yield block, "nummer", 0


def secret_contact(context: RuleContext) -> Iterator[Place]:
    """A secret phone number or e-mail address is replaced by its placeholder."""
    return _unmasked(context, of_carer=False)


def secret_carer_contact(context: RuleContext) -> Iterator[Place]:
    """A carer's secret phone number or e-mail address is replaced by its placeholder."""
    return _unmasked(context, of_carer=True)


def secret_carer_address(context: RuleContext) -> Iterator[Place]:
    """A carer whose address is secret has none in the dossier."""
    for carer in context.all("verzorger"):
        if carer.is_true("adresgeheim") and has_address(carer.node):
            yield carer, "adreslijst", 0


def advice_given(context: RuleContext) -> Iterator[Place]:
    """The school advises, unless it is a school for special education."""
    block = context.first("overstapadvies")
    if block is not None and "advies" not in block.node and context.node("huidigeschool").text("soort") != "SO":
        yield block, "advies", 0


def contact_field(context: RuleContext, field: str) -> Iterator[Place]:
    """Where contact is needed it is known with whom, and how."""
    block = context.first("overstapadvies")
    if block is not None and field not in block.node and block.is_true("contactnodig"):
        yield block, field, 0


def test_result(context: RuleContext) -> Iterator[Place]:
    """A final test that was taken has a result."""
    block = context.first("eindtoets_basisonderwijs")
    if block is not None and "eindtoetsresultaat" not in block.node and block.is_true("deelgenomen"):
        yield block, "eindtoetsresultaat", 0


def test_kind(context: RuleContext) -> Iterator[Place]:
    """A final test not taken, or from which the pupil is exempt, is still named.

    The official test for an exemption looks in the wrong place; here it looks where the field is.
    """
    block = context.first("eindtoets_basisonderwijs")
    if block is None:
        return
    result = context.first("eindtoetsresultaat")
    if result is not None and "toetssoort" in result.node:
        return
    exempt = result is not None and result.text("wettelijke_ontheffing") == "J"
    if exempt or not block.is_true("deelgenomen"):
        yield (block, "eindtoetsresultaat", 0) if result is None else (result, "toetssoort", 0)


def test_advice(context: RuleContext) -> Iterator[Place]:
    """A final test that was taken has an advice."""
    block = context.first("eindtoets_basisonderwijs")
    if block is not None and block.is_true("deelgenomen"):
        result = context.first("eindtoetsresultaat")
        if result is None or "toets_advies" not in result.node:
            yield (block, "eindtoetsresultaat", 0) if result is None else (result, "toets_advies", 0)


def recent_test(context: RuleContext) -> Iterator[Place]:
    """Only tests of this school year and the two before it; a school year starts on 1 August."""
    made = context.made_on
    if made is None or "afname" not in context.blocks:
        return
    oldest = date(made.year - (3 if made < date(made.year, 8, 1) else 2), 8, 1)
    for taken in context.all("afname"):
        when = taken.day("afnamedatum")
        if when is not None and when < oldest:
            yield taken, "afnamedatum", 0


def e_mail(context: RuleContext) -> Iterator[Place]:
    """An e-mail address has 4 to 256 characters and the form DUO asks for."""
    for block, kind, address, _ in context.contacts:
        if kind == "e-mail" and (not 4 <= len(address) <= 256 or _E_MAIL.search(address) is None):
            yield block, "nummer", 0


def lwoo_end(context: RuleContext) -> Iterator[Place]:
    """A learning-support designation ends with a school year."""
    for block in context.all("lwoo"):
        if "lwoo_einddatum" in block.node and _LWOO_END.search(block.text("lwoo_einddatum")) is None:
            yield block, "lwoo_einddatum", 0


def date_of_death(context: RuleContext) -> Iterator[Place]:
    """Only somebody who has died has a date of death."""
    for carer in context.all("verzorger"):
        if "overlijdensdatum" in carer.node and not carer.is_true("overleden"):
            yield carer, "overlijdensdatum", 0


def counsellor_with_lgf(context: RuleContext) -> Iterator[Place]:
    """A pupil with an LGF budget has an internal counsellor with a name (versions before 2019.1)."""
    for care in context.all("zorg"):
        if "lgf" in care.node and "naamib" not in care.node:
            yield care, "naamib", 0


def family_doctor(context: RuleContext) -> Iterator[Place]:
    """The family doctor has no call name, no sex and no secret address."""
    doctor = context.first("huisarts")
    if doctor is not None:
        for field in ("roepnaam", "geslacht"):
            if field in doctor.node:
                yield doctor, field, 0
        if doctor.is_true("adresgeheim"):
            yield doctor, "adresgeheim", 0
