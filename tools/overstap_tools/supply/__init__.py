"""Checks of the packages that the project depends on: known vulnerabilities (`advisories`)."""
