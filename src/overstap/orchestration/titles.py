"""Dutch titles of DAGs and tasks, and the label of mapped tasks, from include/texts."""

from overstap.texts import texts

LABEL = "{{ task.shown }}{{ aside|default('') }}"
"""The label of every mapped task, and the only template of the orchestration.

It names two values and holds none: Airflow renders it once, so a value that looks like a template stays text. `shown`
is the operator's; `aside` is what a step puts into its context when there was nothing to do (see `aside`).
"""

LONGEST_LABEL = 180
"""Airflow keeps 250 characters of a label, and shows a number instead of one that is longer."""


def title(name: str, **facts: str) -> str:
    """Return a DAG's or task's title.

    Args:
        name: a key of include/texts/orchestration/titles.yaml.
        facts: what fills its places.
    """
    text: str = texts("orchestration/titles")[name]["nl"]
    return text.format(**facts)


def aside(name: str) -> str:
    """Return what stands behind a school's label when there was nothing to do, by its key without `aside.`."""
    return f" ({title(f'aside.{name}')})"


def school_label(task: str, label: str | None, school: str | None) -> str:
    """Return the label of a mapped task's instance: its school at the end, also where the name is very long.

    Args:
        task: task id; the label stands in the title `task.<task id>.map`.
        label: how the school is shown.
        school: BRIN and branch.
    """
    said = title(f"task.{task}.map", label=label or "")
    return said if len(said) <= LONGEST_LABEL else f"{said[:LONGEST_LABEL]}… ({school})"
