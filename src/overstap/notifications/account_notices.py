"""Kinds of notices about the security of a school's account, which the database's functions record."""

ACCOUNT_KINDS = ("account_recovered", "recovery_code_used", "factor_added", "factor_removed", "factor_guessed")
"""They are mailed also without an open round, and to schools that get no other mail."""
