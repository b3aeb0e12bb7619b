"""Absolute addresses of board pages for gates and mails."""

from airflow.configuration import conf

from overstap.pages.board import addresses


def round_page(round_id: str) -> str:
    """Return the address of a round's page on the board, within Airflow's frame."""
    return addresses.framed(conf.get("api", "base_url", fallback=""), addresses.round_page(round_id))
