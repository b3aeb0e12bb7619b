"""Kinds of source from which a school supplies dossiers, one module each."""
