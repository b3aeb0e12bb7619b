"""Airflow integration: DAGs, tasks, sensors, gates, roles and the board. The only package that imports Airflow.

`dags` makes the DAGs of a region from its agreement; `tasks` call one step of `overstap.rounds` each; `sensors` and
`triggers` wait without a worker; `due_work` starts background work; `gates` ask a coordinator; `access` makes roles.
"""
