"""Who coordinates a region."""

from overstap.agreements.model.part import Part


class Coordinator(Part):
    """Who answers the gates of a region."""

    account: str
    """The login in Airflow."""
    name: str
    email: str
