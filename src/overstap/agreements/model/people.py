"""Model of the coordinators of a region."""

from overstap.agreements.model.lines import OneLine
from overstap.agreements.model.part import AgreementPart


class Coordinator(AgreementPart):
    """A person who answers the gates of a region."""

    account: OneLine
    """The login in Airflow."""
    name: OneLine
    email: OneLine
