"""Mappings of suppliers' exports: which column becomes which field, and which value which code."""
