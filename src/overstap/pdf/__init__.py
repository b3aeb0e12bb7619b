"""PDF documents in one style; knows nothing of dossiers and rounds."""

from overstap.pdf.sheet import Sheet

__all__ = ["Sheet"]
