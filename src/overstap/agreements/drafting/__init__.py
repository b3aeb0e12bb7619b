"""Drafting of an agreement file: next year's from last year's habits, in YAML that this package reads back alike."""
