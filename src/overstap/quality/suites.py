"""Great Expectations over a region's tables: the suites, our own expectations, and the run.

Importing this module imports Great Expectations, which takes seconds: only `expectations.validate_region` does so, when
it is called. Results hold pupils' values; they stay in this module and leave it as places alone.
"""

import gc
import os

# Before the import: versions of it decide then whether to report to their maker.
os.environ["GX_ANALYTICS_ENABLED"] = "false"

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import great_expectations as gx
from great_expectations.core import ExpectationSuite
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnMapMetricProvider,
    column_condition_partial,
)

from overstap import school_numbers
from overstap.errors import OverstapError
from overstap.oso import identifiers
from overstap.quality.regionbook import RegionRule

if TYPE_CHECKING:
    import pandas as pd

# The library's objects live as long as the process: a collection that goes through them each time took a third of the
# time in which a region of some hundreds was judged.
gc.freeze()

_KEYS = ("dossier", "at")
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:Z|[+-][0-9]{2}:[0-9]{2})?$"


def _each(column: "pd.Series[str]", accepts: Callable[[str], bool]) -> "pd.Series[bool]":
    return column.map(accepts).astype(bool)


class BsnMetric(ColumnMapMetricProvider):
    """Which values pass the eleven test."""

    condition_metric_name = "column_values.overstap.bsn"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, **_: Any) -> Any:  # noqa: N805 - the decorator makes it a class method
        return _each(column, identifiers.is_bsn)


class ExpectColumnValuesToBeBsn(ColumnMapExpectation):
    """Every value is a citizen service number: nine digits that pass the eleven test."""

    map_metric = "column_values.overstap.bsn"
    success_keys = ("mostly",)


class EducationNumberMetric(ColumnMapMetricProvider):
    """Which values can be an education number."""

    condition_metric_name = "column_values.overstap.onderwijsnummer"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, **_: Any) -> Any:  # noqa: N805
        return _each(column, identifiers.is_onderwijsnummer)


class ExpectColumnValuesToBeOnderwijsnummer(ColumnMapExpectation):
    """Every value is an education number: nine digits from 10, with a rest of 5."""

    map_metric = "column_values.overstap.onderwijsnummer"
    success_keys = ("mostly",)


class BrinMetric(ColumnMapMetricProvider):
    """Which values have the form of a BRIN."""

    condition_metric_name = "column_values.overstap.brin"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, **_: Any) -> Any:  # noqa: N805
        return _each(column, school_numbers.is_brin)


class ExpectColumnValuesToBeBrin(ColumnMapExpectation):
    """Every value has the form of a BRIN: two digits, two letters."""

    map_metric = "column_values.overstap.brin"
    success_keys = ("mostly",)


class SchoolIdMetric(ColumnMapMetricProvider):
    """Which values have the form of a BRIN with branch."""

    condition_metric_name = "column_values.overstap.school_id"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, **_: Any) -> Any:  # noqa: N805
        return _each(column, school_numbers.is_school_id)


class ExpectColumnValuesToBeSchoolId(ColumnMapExpectation):
    """Every value has the form of a BRIN with branch, such as `99AB00`."""

    map_metric = "column_values.overstap.school_id"
    success_keys = ("mostly",)


class PostcodeMetric(ColumnMapMetricProvider):
    """Which values are Dutch postal codes."""

    condition_metric_name = "column_values.overstap.postcode"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, **_: Any) -> Any:  # noqa: N805
        return _each(column, lambda code: identifiers.is_postcode(code.strip()))


class ExpectColumnValuesToBePostcode(ColumnMapExpectation):
    """Every value is a Dutch postal code."""

    map_metric = "column_values.overstap.postcode"
    success_keys = ("mostly",)


_OWN = {
    "bsn": ExpectColumnValuesToBeBsn,
    "onderwijsnummer": ExpectColumnValuesToBeOnderwijsnummer,
    "brin": ExpectColumnValuesToBeBrin,
    "school_id": ExpectColumnValuesToBeSchoolId,
    "postcode": ExpectColumnValuesToBePostcode,
}


def expectation(rule: RegionRule, values: Iterable[str]) -> Any:
    """Return the expectation of a rule.

    Args:
        rule: the rule.
        values: the values allowed, for a rule that compares with a set.
    """
    meta = {"rule": rule.id}
    column = rule.columns[0]
    if rule.expectation in _OWN:
        return _OWN[rule.expectation](column=column, meta=meta)
    if rule.expectation == "unique" and len(rule.columns) > 1:
        return gx.expectations.ExpectCompoundColumnsToBeUnique(
            column_list=list(rule.columns), ignore_row_if="any_value_is_missing", meta=meta
        )
    if rule.expectation == "unique":
        return gx.expectations.ExpectColumnValuesToBeUnique(column=column, meta=meta)
    if rule.expectation == "filled":
        return gx.expectations.ExpectColumnValuesToNotBeNull(column=column, meta=meta)
    if rule.expectation == "date":
        return gx.expectations.ExpectColumnValuesToMatchRegex(column=column, regex=_DATE, meta=meta)
    return gx.expectations.ExpectColumnValuesToBeInSet(column=column, value_set=sorted(values), meta=meta)


def source() -> Any:
    """Return where tables are laid to be validated, one after the other.

    In memory alone: a context with files would write what it is told into them. There is one for all tables, since each
    new asset makes Great Expectations write its whole configuration as YAML.
    """
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("region").add_dataframe_asset("table")
    return asset.add_batch_definition_whole_dataframe("all")


def run(
    source: Any, table: str, frame: "pd.DataFrame", rules: list[tuple[RegionRule, Iterable[str]]]
) -> Iterator[tuple[RegionRule, str, str]]:
    """Validate one table by all its rules at once.

    Args:
        source: what `source` gave.
        table: the table's name.
        frame: its rows, with at least the columns `dossier` and `at`.
        rules: the rules, each with the values it allows.

    Yields:
        The rule, the dossier's id and the row's place, for every row that breaks it.

    Raises:
        OverstapError: QUALITY-001 when an expectation cannot be evaluated. What it stumbled over is not told: it may be
            a pupil's.
    """
    batch = source.get_batch(batch_parameters={"dataframe": frame})
    suite = ExpectationSuite(name=table, expectations=[])
    for number, (rule, values) in enumerate(rules):
        made = expectation(rule, values)
        made.meta = {**made.meta, "number": number}
        made.description = (
            rule.id
        )  # without it a suite takes two rules with the same values for one, and drops the second
        suite.add_expectation(made)
    wanted = {
        "result_format": "COMPLETE",
        "unexpected_index_column_names": list(_KEYS),
        "include_unexpected_rows": False,
    }
    for result in batch.validate(suite, result_format=wanted).results:
        rule = rules[result.expectation_config.meta["number"]][0]
        if any(info.get("raised_exception") for info in _infos(result.exception_info)):
            raise OverstapError("QUALITY-001", rule=rule.id, table=table)
        for row in result.result.get("unexpected_index_list") or ():
            yield rule, row["dossier"], row["at"]


def _infos(info: Any) -> Iterator[dict[str, Any]]:
    """Yield the parts of an exception report: one as such, or one per metric."""
    if "raised_exception" in info:
        yield info
    else:
        yield from (part for part in info.values() if isinstance(part, dict))
