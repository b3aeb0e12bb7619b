"""PDF documents in one style; knows nothing of dossiers and rounds."""

from overstap.pdf.document import PdfDocument

__all__ = ["PdfDocument"]
