"""What a coordinator reads in the grid: Dutch sentences, with the school's name where a task is a school's."""

from overstap.texts import texts


def title(name: str, **facts: str) -> str:
    """Return a DAG's or task's title.

    Args:
        name: a key of include/texts/orchestration/titles.yaml.
        facts: what fills its places.
    """
    text: str = texts("orchestration/titles")[name]["nl"]
    return text.format(**facts)


def label_template(name: str) -> str:
    """Return the template for the label of a mapped task; each instance has its school's label in `op_kwargs`.

    What a task puts into its context as `aside` stands behind it: why there was nothing to do.
    """
    return title(name, label="{{ task.op_kwargs['label'] }}{{ aside|default('') }}")


def aside(name: str) -> str:
    """Return what stands behind a school's label when there was nothing to do, by its key without `aside.`."""
    return f" ({title(f'aside.{name}')})"
