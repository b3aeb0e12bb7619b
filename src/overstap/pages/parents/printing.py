"""The pages' PDFs, made in a worker process: it alone loads the libraries that make them, 50 MB."""

from datetime import datetime
from typing import Any


def dossier(copy: dict[str, Any], lang: str, at: datetime) -> bytes:
    """Return a person's copy as a document; arguments as of `overstap.review.pdf_documents.dossier_pdf`."""
    from overstap.review.pdf_documents import dossier_pdf

    return dossier_pdf(copy, lang, at)


def receipt(copy: dict[str, Any], answers: list[dict[str, Any]], school: str, lang: str, at: datetime) -> bytes:
    """Return the receipt of what a person did; arguments as of `overstap.review.pdf_documents.receipt_pdf`."""
    from overstap.review.pdf_documents import receipt_pdf

    return receipt_pdf(copy, answers, school, lang, at)
