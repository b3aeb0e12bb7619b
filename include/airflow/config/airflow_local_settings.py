"""Cluster policy of Overstap, which Airflow imports by this name (see square_names)."""

from overstap.orchestration.square_names import task_instance_mutation_hook

__all__ = ["task_instance_mutation_hook"]
