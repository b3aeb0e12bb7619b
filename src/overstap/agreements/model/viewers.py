"""Accounts that may read a region's rounds and change nothing."""

from overstap.agreements.model.part import AgreementPart


class Viewer(AgreementPart):
    """Somebody who may see the region's rounds, counts and schools; no single dossier, and no gate to answer."""

    account: str
    """The login in Airflow."""
    name: str
    email: str
