"""Checks of mandates for the test: whether a registration would take results away from a school's own system."""

from overstap.agreements.checks.context import CheckContext
from overstap.agreements.checks.people import schools_of
from overstap.agreements.model.test_suppliers import OWN_PAGES


def check(context: CheckContext) -> None:
    """Add findings about mandates of schools with a system of their own, and about routing keys of other schools."""
    ways = {
        school.get("id"): supplies.get("way")
        for _, school in schools_of(context)
        if isinstance(supplies := school.get("supplies"), dict)
    }
    stated = context.source.at("test_suppliers")
    for serial, supplier in enumerate(stated if isinstance(stated, list) else ()):
        mandates = supplier.get("mandates") if isinstance(supplier, dict) else None
        for place, mandate in enumerate(mandates if isinstance(mandates, list) else ()):
            school = mandate.get("school") if isinstance(mandate, dict) else None
            if not isinstance(school, str):
                continue
            key = ("test_suppliers", serial, "mandates", place)
            way = ways.get(school)
            if isinstance(way, str) and way != OWN_PAGES and mandate.get("without_own_system") is not True:
                context.add_finding("AGREEMENT-182", *key, "school", school=school, way=way)
            routing_key, beginning = mandate.get("routing_key"), f"00000007000{school}"
            if isinstance(routing_key, str) and not routing_key.startswith(beginning):
                context.add_finding("AGREEMENT-183", *key, "routing_key", school=school, beginning=beginning)
