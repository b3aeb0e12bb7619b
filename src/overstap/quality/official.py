"""Official rules that need code; each function yields the locations that break its rule.

`include/schemas/oso/<version>/rules.csv` states the rule ids of each function, and for which kind of dossier they
apply. The functions give the same verdicts as the official sheets of that version (ValideerOverstapprofielen.xsl,
ValideerSwvPaO-profielen.xsl and ValideerOSOgegevensset.xsl), including their errors; our own rules cover what the
sheets overlook.
"""

import re
from collections.abc import Iterator
from datetime import date

from overstap.quality.rule_context import Location, RuleContext, has_address

PLACEHOLDERS = {"telefoon": "9999999999", "e-mail": "geheim@geheim.geheim"}
"""Placeholders for secret contact details (data set 2019.1, rule OVa.LL08)."""

# As in the official rule, it is not anchored at the start. At the end, `\Z` corresponds to XPath's `$`: unlike
# Python's `$`, it does not match before a line end.
_E_MAIL = re.compile(
    r"[a-zA-Z0-9!#$%*+=?^_`{|}~.-]+@[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*\Z"
)
_LWOO_END = re.compile(r"[0-9]{4}-07-31")


def holds_administration(context: RuleContext) -> Iterator[Location]:
    """The dossier comes from a pupil administration system, not from a monitoring or test system only."""
    metadata = context.first("metadata")
    if metadata is not None and metadata.text("deeldossier") not in ("LAS", "LASLVS"):
        yield metadata, "deeldossier", 0


def transfer_is(context: RuleContext, *allowed: str) -> Iterator[Location]:
    """The kind of transfer is one of those that this kind of dossier allows."""
    metadata = context.first("metadata")
    if metadata is not None and context.transfer not in allowed:
        yield metadata, "overstap", 0


def kind_is(context: RuleContext, *allowed: str) -> Iterator[Location]:
    """The kind of hand-over is one that the sheet covers."""
    if context.kind not in allowed and context.first("metadata") is not None:
        yield context.root, "overdrachtsoort", 0


def inspected(context: RuleContext) -> Iterator[Location]:
    """The parents have inspected the dossier."""
    block = context.first("inzage")
    if block is not None and not block.is_true("inzage"):
        yield block, "inzage", 0


def inspection_field(context: RuleContext, field: str) -> Iterator[Location]:
    """A completed inspection states its date, and whether the parents agree."""
    block = context.first("inzage")
    if block is not None and field not in block.node and block.is_true("inzage"):
        yield block, field, 0


def school_address_and_career(context: RuleContext) -> Iterator[Location]:
    """The school has an address, and the pupil a school career; the official sheets use one id for both."""
    school = context.first("huidigeschool")
    if school is not None and not has_address(school.node):
        yield school, "adreslijst", 0
    pupil = context.first("leerling")
    if pupil is not None and "schoolloopbaan" not in context.blocks:
        yield pupil, "schoolloopbaanlijst", 0


def school_contact(context: RuleContext) -> Iterator[Location]:
    """The school has a contact detail."""
    school = context.first("huidigeschool")
    if school is not None and not any("communicatie" in each for each in school.node.get("communicatielijst", ())):
        yield school, "communicatielijst", 0


def pupil_address(context: RuleContext) -> Iterator[Location]:
    """A pupil without a secret address has an address, Dutch or foreign."""
    pupil = context.first("leerling")
    if (
        pupil is not None
        and not has_address(pupil.node)
        and "adresbuitenland" not in pupil.node
        and not pupil.is_true("adresgeheim")
    ):
        yield pupil, "adreslijst", 0


def secret_pupil_address(context: RuleContext) -> Iterator[Location]:
    """A pupil with a secret address has no address in the dossier."""
    pupil = context.first("leerling")
    if pupil is not None and pupil.is_true("adresgeheim") and has_address(pupil.node):
        yield pupil, "adreslijst", 0


def secret_foreign_address(context: RuleContext) -> Iterator[Location]:
    """A pupil with a secret address has no foreign address in the dossier."""
    pupil = context.first("leerling")
    if pupil is not None and "adresbuitenland" in pupil.node and pupil.is_true("adresgeheim"):
        yield pupil, "adresbuitenland", 0


def liable_institution(context: RuleContext) -> Iterator[Location]:
    """A pupil without liable carers has a liable institution."""
    pupil = context.first("leerling")
    if (
        pupil is not None
        and "aansprakelijkeinstelling" not in pupil.node
        and not pupil.is_true("verzorgersaansprakelijk")
    ):
        yield pupil, "aansprakelijkeinstelling", 0


def carer_when_liable(context: RuleContext) -> Iterator[Location]:
    """A pupil with liable carers has a carer in the dossier."""
    pupil = context.first("leerling")
    if pupil is not None and "verzorger" not in pupil.node and pupil.is_true("verzorgersaansprakelijk"):
        yield pupil, "verzorger", 0


def _unmasked(context: RuleContext, *, of_carer: bool) -> Iterator[Location]:
    for block, kind, number, is_secret in context.contacts:
        if is_secret:
            placeholder = PLACEHOLDERS.get(kind)
            if placeholder and number != placeholder and block.within("verzorger") is of_carer:
                yield block, "nummer", 0


def secret_contact(context: RuleContext) -> Iterator[Location]:
    """A secret phone number or e-mail address is replaced by its placeholder."""
    return _unmasked(context, of_carer=False)


def secret_carer_contact(context: RuleContext) -> Iterator[Location]:
    """A carer's secret phone number or e-mail address is replaced by its placeholder."""
    return _unmasked(context, of_carer=True)


def secret_carer_address(context: RuleContext) -> Iterator[Location]:
    """A carer with a secret address has no address in the dossier."""
    for carer in context.all("verzorger"):
        if carer.is_true("adresgeheim") and has_address(carer.node):
            yield carer, "adreslijst", 0


def advice_given(context: RuleContext) -> Iterator[Location]:
    """The dossier has a school advice, unless the school is for special education (SO)."""
    block = context.first("overstapadvies")
    if block is not None and "advies" not in block.node and context.node("huidigeschool").text("soort") != "SO":
        yield block, "advies", 0


def contact_field(context: RuleContext, field: str) -> Iterator[Location]:
    """When contact is needed, the contact person and the contact details are filled in."""
    block = context.first("overstapadvies")
    if block is not None and field not in block.node and block.is_true("contactnodig"):
        yield block, field, 0


def test_result(context: RuleContext) -> Iterator[Location]:
    """A final test that was taken has a result."""
    block = context.first("eindtoets_basisonderwijs")
    if block is not None and "eindtoetsresultaat" not in block.node and block.is_true("deelgenomen"):
        yield block, "eindtoetsresultaat", 0


def test_kind(context: RuleContext) -> Iterator[Location]:
    """A final test that was not taken, or from which the pupil is exempt, has a test kind.

    The official sheet looks for the exemption at a wrong path; this function uses the right one.
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


def test_advice(context: RuleContext) -> Iterator[Location]:
    """A final test that was taken has an advice."""
    block = context.first("eindtoets_basisonderwijs")
    if block is not None and block.is_true("deelgenomen"):
        result = context.first("eindtoetsresultaat")
        if result is None or "toets_advies" not in result.node:
            yield (block, "eindtoetsresultaat", 0) if result is None else (result, "toets_advies", 0)


def recent_test(context: RuleContext) -> Iterator[Location]:
    """Tests are from this school year or the two before it; a school year starts on 1 August."""
    made = context.made_on
    if made is None or "afname" not in context.blocks:
        return
    oldest = date(made.year - (3 if made < date(made.year, 8, 1) else 2), 8, 1)
    for taken in context.all("afname"):
        when = taken.day("afnamedatum")
        if when is not None and when < oldest:
            yield taken, "afnamedatum", 0


def e_mail(context: RuleContext) -> Iterator[Location]:
    """An e-mail address has 4 to 256 characters and the form that DUO requires."""
    for block, kind, address, _ in context.contacts:
        if kind == "e-mail" and (not 4 <= len(address) <= 256 or _E_MAIL.search(address) is None):
            yield block, "nummer", 0


def lwoo_end(context: RuleContext) -> Iterator[Location]:
    """A learning-support designation ends with a school year."""
    for block in context.all("lwoo"):
        if "lwoo_einddatum" in block.node and _LWOO_END.search(block.text("lwoo_einddatum")) is None:
            yield block, "lwoo_einddatum", 0


def date_of_death(context: RuleContext) -> Iterator[Location]:
    """A date of death requires the mark that the carer is deceased."""
    for carer in context.all("verzorger"):
        if "overlijdensdatum" in carer.node and not carer.is_true("overleden"):
            yield carer, "overlijdensdatum", 0


def counsellor_with_lgf(context: RuleContext) -> Iterator[Location]:
    """A pupil with an LGF budget has an internal counsellor with a name (versions before 2019.1)."""
    for care in context.all("zorg"):
        if "lgf" in care.node and "naamib" not in care.node:
            yield care, "naamib", 0


def family_doctor(context: RuleContext) -> Iterator[Location]:
    """The family doctor has no call name, no sex and no secret address."""
    doctor = context.first("huisarts")
    if doctor is not None:
        for field in ("roepnaam", "geslacht"):
            if field in doctor.node:
                yield doctor, field, 0
        if doctor.is_true("adresgeheim"):
            yield doctor, "adresgeheim", 0
