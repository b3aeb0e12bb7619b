"""Own rules: parents and carers, their contact details and secret addresses (DOMAIN 5.1)."""

from collections.abc import Iterator

from overstap.quality.contacts import is_e_mail, is_phone
from overstap.quality.official import PLACEHOLDERS
from overstap.quality.rule_context import Block, Location, RuleContext, has_address

_SECRET = frozenset(PLACEHOLDERS.values())
_NUMBERS = {ord(letter): str(number) for number, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 10)}


def _living(context: RuleContext) -> list[Block]:
    return [carer for carer in context.all("verzorger") if not carer.is_true("overleden")]


def _numbers(carer: Block) -> list[str]:
    lists = carer.node.get("communicatielijst", ())
    return [each.text("nummer") or "" for contacts in lists for each in contacts.get("communicatie", ())]


def legal_representative(context: RuleContext) -> Iterator[Location]:
    """The pupil has a living legal representative, who can inspect the dossier."""
    pupil = context.first("leerling")
    if pupil is None or "verzorger" not in pupil.node:
        return
    if not any(carer.is_true("wettigevertegenwoordiger") for carer in _living(context)):
        yield pupil, "verzorger", 0


def representative_reachable(context: RuleContext) -> Iterator[Location]:
    """At least one legal representative has a phone number or e-mail address, possibly a secret one."""
    pupil = context.first("leerling")
    if pupil is None or "verzorger" not in pupil.node:
        return
    representatives = [carer for carer in _living(context) if carer.is_true("wettigevertegenwoordiger")]
    if representatives and not any(any(_numbers(carer)) for carer in representatives):
        yield representatives[0], "communicatielijst", 0


def deceased_reachable(context: RuleContext) -> Iterator[Location]:
    """A deceased carer has no contact details and no address."""
    for carer in context.all("verzorger"):
        if carer.is_true("overleden"):
            for field in ("communicatielijst", "adreslijst"):
                if field in carer.node:
                    yield carer, field, 0


def address_given_away(context: RuleContext) -> Iterator[Location]:
    """A pupil with a secret address has no carer with an address that is not secret."""
    pupil = context.first("leerling")
    if pupil is not None and pupil.is_true("adresgeheim"):
        for carer in _living(context):
            if has_address(carer.node) and not carer.is_true("adresgeheim"):
                yield carer, "adreslijst", 0


def phone_form(context: RuleContext) -> Iterator[Location]:
    """A phone number is valid."""
    for block, kind, number, _ in context.contacts:
        if kind == "telefoon" and number not in _SECRET and not is_phone(number):
            yield block, "nummer", 0


def mail_address(context: RuleContext) -> Iterator[Location]:
    """A value of kind e-mail is exactly one address; the official rule (OG.01) accepts one anywhere in the text.

    Values such as `a@example.org;b@example.org` or with `mailto:` pass the official rule, and mail to them fails.
    """
    for block, kind, address, _ in context.contacts:
        if kind == "e-mail" and address and address not in _SECRET and not is_e_mail(address):
            yield block, "nummer", 0


def secret_without_mark(context: RuleContext) -> Iterator[Location]:
    """A placeholder for a secret contact detail requires the mark `geheim`."""
    for block, _, number, is_secret in context.contacts:
        if number in _SECRET and not is_secret:
            yield block, "geheim", 0


def _is_iban(text: str) -> bool:
    """Return whether a text passes the check of ISO 13616: four characters moved to the end, 1 modulo 97."""
    number = text.replace(" ", "").upper()
    if not 15 <= len(number) <= 34 or not (number.isascii() and number.isalnum()):
        return False
    return int((number[4:] + number[:4]).translate(_NUMBERS)) % 97 == 1


def account_number(context: RuleContext) -> Iterator[Location]:
    """A bank account number passes the check of ISO 13616."""
    for carer in context.all("verzorger"):
        if "iban" in carer.node and not _is_iban(carer.text("iban")):
            yield carer, "iban", 0


def account_number_forbidden(context: RuleContext) -> Iterator[Location]:
    """No bank account is sent to a partnership; the official rule (PaO.OV05) checks only the field before IBAN."""
    for carer in context.all("verzorger"):
        if "iban" in carer.node:
            yield carer, "iban", 0
