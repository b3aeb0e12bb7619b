"""PDFs of the parents' pages, made in a worker process, which alone loads the libraries for them (50 MB)."""

from datetime import datetime
from typing import Any


def dossier(copy: dict[str, Any], lang: str, at: datetime) -> bytes:
    """Return a person's copy of a dossier as PDF; arguments as of `overstap.review.pdf_documents.dossier_pdf`."""
    from overstap.review.pdf_documents import dossier_pdf

    return dossier_pdf(copy, lang, at)


def receipt(copy: dict[str, Any], answers: list[dict[str, Any]], school: str, lang: str, at: datetime) -> bytes:
    """Return the receipt of a person's decision as PDF; arguments as of `overstap.review.pdf_documents.receipt_pdf`."""
    from overstap.review.pdf_documents import receipt_pdf

    return receipt_pdf(copy, answers, school, lang, at)
