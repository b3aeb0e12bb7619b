"""The only room that imports Airflow: tasks, waits, gates, access. Holds no domain decision.

`workplace` is what a task needs to begin; `tasks` calls one stage each; `waits` and `triggers` wait without a worker;
`gates` ask a coordinator; `titles` are what a coordinator reads; `access` makes the roles.
"""
