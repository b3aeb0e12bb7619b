"""The board "Rondes" for coordinators: counts and names of schools, no pupils.

Server-rendered pages over the ledger, shown inside Airflow and behind its login (`overstap.orchestration.board` is the
only part that depends on Airflow). Computations are small modules of pure functions; SQL is in `overstap.ledger`.
"""
