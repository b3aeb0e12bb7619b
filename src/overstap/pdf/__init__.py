"""Paper: PDF documents in one look, with letters for every name. Knows nothing of dossiers and rounds."""

from overstap.pdf.sheet import Sheet

__all__ = ["Sheet"]
