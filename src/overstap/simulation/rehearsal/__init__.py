"""A school year played before it begins: the real ledger and the real stages under a clock that moves, without Airflow.

`place` is where it happens, `families` who takes part, `play` takes one round from opening to close, `year` all of them
in the order of time.
"""
