"""Great Expectations for a region's values: our own expectation, the suite, and its validation.

What an expectation costs is the library's own work about it, ten milliseconds whatever it judges. So all rules are
judged by four expectations over one table: values that may occur once, that are permitted, that have a form, and that
are there. Each line of the table is one value for one rule.

Importing this module imports Great Expectations, which takes seconds, so `expectations.validate_region` does it when
called. Validation results contain personal data; this module returns only the positions of lines from them.
"""

import gc
import os
import re

# Set before the import, at which some versions decide whether to send usage statistics
os.environ["GX_ANALYTICS_ENABLED"] = "false"

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from overstap import school_numbers
from overstap.errors import OverstapError
from overstap.oso import identifiers
from overstap.quality.optional_packages import DATABASES_AND_CLOUDS, left_out
from overstap.quality.region_rulebook import RegionRule

with left_out(*DATABASES_AND_CLOUDS):
    import great_expectations as gx
    from great_expectations.core import ExpectationSuite
    from great_expectations.execution_engine import PandasExecutionEngine
    from great_expectations.expectations.expectation import ColumnMapExpectation
    from great_expectations.expectations.metrics.map_metric_provider import (
        ColumnMapMetricProvider,
        column_condition_partial,
    )

# The library's objects live as long as the process: a collection that goes through them each time took a third of the
# time in which a region of some hundreds was judged.
gc.freeze()

_DATE = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:Z|[+-][0-9]{2}:[0-9]{2})?$")
_FORMS: dict[str, Callable[[str], bool]] = {
    "bsn": lambda text: identifiers.is_bsn(text),
    "onderwijsnummer": lambda text: identifiers.is_onderwijsnummer(text),
    "brin": school_numbers.is_brin,
    "school_id": school_numbers.is_school_id,
    "postcode": lambda text: identifiers.is_postcode(text.strip()),
    "date": lambda text: _DATE.search(text) is not None,
}
"""Rules on the form of a value, by the name of their expectation."""


class FormMetric(ColumnMapMetricProvider):
    """Metric of values that have the form whose name is before them."""

    condition_metric_name = "column_values.overstap.form"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, **_: Any) -> Any:  # noqa: N805 - the decorator makes it a class method
        return column.map(_has_form).astype(bool)


def _has_form(line: str) -> bool:
    form, _, value = line.partition(" ")
    return _FORMS[form](value)


class ExpectColumnValuesToHaveForm(ColumnMapExpectation):
    """Every value has its form: a number that passes its test, the form of a school's number, a postcode, a date."""

    map_metric = "column_values.overstap.form"
    success_keys = ("mostly",)


@dataclass(frozen=True, slots=True)
class Line:
    """One value that is judged by one rule.

    Args:
        rule: the rule.
        value: the value, or the values of several columns as one text; None where it is missing.
    """

    rule: RegionRule
    value: str | None = field(repr=False)


@cache
def source() -> Any:
    """Return a batch definition for validating tables in memory, one after the other; made once per process.

    The context is in memory only, since one with files would write data into them. All tables share one asset, since
    Great Expectations serialises its whole configuration as YAML for each new asset.
    """
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("region").add_dataframe_asset("table")
    return asset.add_batch_definition_whole_dataframe("all")


def broken(lines: Sequence[Line], permitted: Mapping[RegionRule, Iterable[str]]) -> list[int]:
    """Return the positions of the lines that break their rule.

    Args:
        lines: the lines; one that must be unique is there once for each row in which it stands.
        permitted: the permitted values of each rule that compares with a set.

    Raises:
        OverstapError: QUALITY-001 when an expectation cannot be evaluated; the cause is not passed on, since it can
            contain personal data.
    """
    found = _broken(lines, permitted)
    if found is not None:
        return found
    # One rule is at fault, which the library does not tell of an expectation that judges several
    for rule in dict.fromkeys(line.rule for line in lines):
        if _broken([line for line in lines if line.rule is rule], permitted) is None:
            raise OverstapError("QUALITY-001", rule=rule.id, table=rule.table)
    raise OverstapError("QUALITY-001", rule=lines[0].rule.id, table=lines[0].rule.table)


def _broken(lines: Sequence[Line], permitted: Mapping[RegionRule, Iterable[str]]) -> list[int] | None:
    """Return the positions of the lines that break their rule; None when an expectation cannot be evaluated."""
    import pandas as pd

    columns: dict[str, list[str | None]] = {}
    numbers: dict[RegionRule, int] = {}
    for at, line in enumerate(lines):
        kind = _KIND.get(line.rule.expectation, _FORM)
        if kind not in columns:
            columns[kind] = ["" if kind == _FILLED else None] * len(lines)  # what the others have, which is kept to
        if kind == _FILLED or line.value is None:
            columns[kind][at] = line.value
        elif kind == _FORM:
            columns[kind][at] = f"{line.rule.expectation} {line.value}"
        else:
            columns[kind][at] = f"{numbers.setdefault(line.rule, len(numbers))} {line.value}"
    wanted = sorted(f"{number} {value}" for rule, number in numbers.items() for value in permitted.get(rule, ()))
    frame = pd.DataFrame(columns, dtype="string")
    suite = ExpectationSuite(name="region", expectations=[_expectation(kind, wanted) for kind in columns])
    batch = source().get_batch(batch_parameters={"dataframe": frame})
    found: list[int] = []
    for result in batch.validate(suite, result_format={"result_format": "COMPLETE"}).results:
        if any(info.get("raised_exception") for info in _infos(result.exception_info)):
            return None
        found += result.result.get("unexpected_index_list") or ()
    return found


_UNIQUE, _PERMITTED, _FORM, _FILLED = "unique", "permitted", "form", "filled"
_KIND = {"unique": _UNIQUE, "codes": _PERMITTED, "school": _PERMITTED, "register": _PERMITTED, "filled": _FILLED}
"""Column in which the values of a rule are judged, by its expectation; every other one is a form."""


def _expectation(kind: str, permitted: Sequence[str]) -> Any:
    """Return the expectation of a column.

    Args:
        kind: the column.
        permitted: the permitted values of the column with values that are compared with a set.
    """
    if kind == _UNIQUE:
        return gx.expectations.ExpectColumnValuesToBeUnique(column=kind)
    if kind == _PERMITTED:
        return gx.expectations.ExpectColumnValuesToBeInSet(column=kind, value_set=permitted)
    if kind == _FILLED:
        return gx.expectations.ExpectColumnValuesToNotBeNull(column=kind)
    return ExpectColumnValuesToHaveForm(column=kind)


def _infos(info: Any) -> Iterator[dict[str, Any]]:
    """Yield the parts of an exception report, which has one part or one per metric."""
    if "raised_exception" in info:
        yield info
    else:
        yield from (part for part in info.values() if isinstance(part, dict))
