"""PDF documents in the house style: layout and fonts, independent of their content."""

from overstap.pdf.document import PdfDocument

__all__ = ["PdfDocument"]
