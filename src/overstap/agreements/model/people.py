"""Model of the coordinators of a region."""

from overstap.agreements.model.part import AgreementPart


class Coordinator(AgreementPart):
    """A person who answers the gates of a region."""

    account: str
    """The login in Airflow."""
    name: str
    email: str
