"""Model of what a region agreed about suppliers of the test (Doorstroomtoetsketen): who, and for which schools.

A registration moves the address to which a school's results go (decision 83). It takes place only for schools that are
named here, and only for those without a system of their own that receives results.
"""

from datetime import date
from typing import Annotated

from pydantic import Field

from overstap.agreements.model.lines import OneLine
from overstap.agreements.model.part import AgreementPart
from overstap.agreements.model.refusals import refusal
from overstap.agreements.model.schools import School, SchoolId, SchoolKind

OWN_PAGES = "typed"
"""The way of supplying of schools that type dossiers in here: they have no system that receives results."""
_KEY_OF = "00000007000{school}"
"""Beginning of the routing keys of a school: its OIN without the suffix."""


class SchoolMandate(AgreementPart):
    """Mandate of a school, by which the region registers its pupils for the test and receives their results."""

    school: SchoolId
    routing_key: Annotated[str, Field(pattern=r"^[0-9A-Z]{20}$")]
    """Routing key of the school at the region (`edu-from`): the supplier sends results to it."""
    provider: Annotated[str, Field(pattern=r"^[0-9]{3}A[0-9]{3}$")]
    """Code of the school as provider of education in RIO."""
    location: Annotated[str, Field(pattern=r"^[0-9]{3}X[0-9]{3}$")]
    """Code of its location in RIO."""
    administration: Annotated[str, Field(pattern=r"^[0-9]{2}$")] = "00"
    """Number of the administration at the school."""
    given_by: OneLine
    """Who gave the mandate for the school."""
    given_on: date
    """Day on which it was given."""
    without_own_system: bool = False
    """Whether the school stated that it has no system of its own that receives results of the test."""

    @property
    def school_oin(self) -> str:
        """OIN of the school (`edu-to`), for which the supplier receives."""
        return f"{_KEY_OF.format(school=self.school)}000"


class SupplierOfTests(AgreementPart):
    """A supplier of the test, at which pupils of some schools are registered."""

    name: OneLine
    oin: Annotated[str, Field(pattern=r"^[0-9]{20}$")]
    """OIN in the supplier's certificates: of its server, and of its client when it sends results."""
    url: Annotated[str, Field(pattern=r"^https://[^\s?#]+$")]
    """Address of its API, up to and including the version."""
    mandates: Annotated[tuple[SchoolMandate, ...], Field(min_length=1)]


def check_suppliers(suppliers: tuple[SupplierOfTests, ...], schools: tuple[School, ...]) -> None:
    """Refuse suppliers and mandates that contradict one another, or that are for other schools than may be.

    Raises:
        PydanticCustomError: a rule of `refusals.yaml`.
    """
    known = {school.id: school for school in schools if school.kind is SchoolKind.PO}
    oins: set[str] = set()
    seen: set[str] = set()
    for supplier in suppliers:
        if supplier.oin in oins:
            raise refusal("test_supplier_twice", oin=supplier.oin)
        oins.add(supplier.oin)
        for mandate in supplier.mandates:
            if mandate.school not in known:
                raise refusal("mandate_of_another", school=mandate.school)
            if mandate.school in seen:
                raise refusal("mandate_twice", school=mandate.school)
            seen.add(mandate.school)
            if not mandate.routing_key.startswith(_KEY_OF.format(school=mandate.school)):
                raise refusal("routing_key_of_school", school=mandate.school)
            supplies = known[mandate.school].supplies
            if not mandate.without_own_system and (supplies is None or supplies.way != OWN_PAGES):
                raise refusal("mandate_with_own_system", school=mandate.school)
