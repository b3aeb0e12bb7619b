"""Model of viewers: accounts with read-only access to the rounds of a region."""

from overstap.agreements.model.lines import OneLine
from overstap.agreements.model.part import AgreementPart


class Viewer(AgreementPart):
    """A person who may see rounds, counts and schools of the region, but no dossiers, and answers no gates."""

    account: OneLine
    """The login in Airflow."""
    name: OneLine
    email: OneLine
