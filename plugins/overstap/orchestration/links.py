"""Addresses of pages, for gates and mails."""

from airflow.configuration import conf


def base() -> str:
    """Return the address under which a browser finds Airflow."""
    return conf.get("api", "base_url", fallback="").rstrip("/")


def round_page(round_id: str) -> str:
    """Return the address of a round's page on the board, within Airflow's frame."""
    return f"{base()}/plugin/rondes/rondes/ronde/{round_id}"
