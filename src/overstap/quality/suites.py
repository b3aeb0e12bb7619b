"""Great Expectations for a region's tables: our own expectations, suites of rules, and their validation.

Importing this module imports Great Expectations, which takes seconds, so `expectations.validate_region` does it when
called. Validation results contain personal data; this module returns only paths from them.
"""

import gc
import os

# Set before the import, at which some versions decide whether to send usage statistics
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
from overstap.quality.region_rulebook import RegionRule

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
    """Metric of values that pass the eleven test."""

    condition_metric_name = "column_values.overstap.bsn"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, **_: Any) -> Any:  # noqa: N805 - the decorator makes it a class method
        return _each(column, identifiers.is_bsn)


class ExpectColumnValuesToBeBsn(ColumnMapExpectation):
    """Every value is a citizen service number: nine digits that pass the eleven test."""

    map_metric = "column_values.overstap.bsn"
    success_keys = ("mostly",)


class EducationNumberMetric(ColumnMapMetricProvider):
    """Metric of values with the form of an education number (onderwijsnummer)."""

    condition_metric_name = "column_values.overstap.onderwijsnummer"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, **_: Any) -> Any:  # noqa: N805
        return _each(column, identifiers.is_onderwijsnummer)


class ExpectColumnValuesToBeOnderwijsnummer(ColumnMapExpectation):
    """Every value is an education number: nine digits that start with 10, eleven test leaves 5."""

    map_metric = "column_values.overstap.onderwijsnummer"
    success_keys = ("mostly",)


class BrinMetric(ColumnMapMetricProvider):
    """Metric of values with the form of a BRIN."""

    condition_metric_name = "column_values.overstap.brin"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, **_: Any) -> Any:  # noqa: N805
        return _each(column, school_numbers.is_brin)


class ExpectColumnValuesToBeBrin(ColumnMapExpectation):
    """Every value has the form of a BRIN: two digits, two letters."""

    map_metric = "column_values.overstap.brin"
    success_keys = ("mostly",)


class SchoolIdMetric(ColumnMapMetricProvider):
    """Metric of values with the form of a BRIN with branch."""

    condition_metric_name = "column_values.overstap.school_id"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, **_: Any) -> Any:  # noqa: N805
        return _each(column, school_numbers.is_school_id)


class ExpectColumnValuesToBeSchoolId(ColumnMapExpectation):
    """Every value has the form of a BRIN with branch, such as `99AB00`."""

    map_metric = "column_values.overstap.school_id"
    success_keys = ("mostly",)


class PostcodeMetric(ColumnMapMetricProvider):
    """Metric of values with the form of a Dutch postcode."""

    condition_metric_name = "column_values.overstap.postcode"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, **_: Any) -> Any:  # noqa: N805
        return _each(column, lambda code: identifiers.is_postcode(code.strip()))


class ExpectColumnValuesToBePostcode(ColumnMapExpectation):
    """Every value is a Dutch postcode."""

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
        values: the permitted values, for a rule that compares with a set.
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
    """Return a batch definition for validating tables in memory, one after the other.

    The context is in memory only, since one with files would write data into them. All tables share one asset, since
    Great Expectations serialises its whole configuration as YAML for each new asset.
    """
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("region").add_dataframe_asset("table")
    return asset.add_batch_definition_whole_dataframe("all")


def run(
    source: Any, table: str, frame: "pd.DataFrame", rules: list[tuple[RegionRule, Iterable[str]]]
) -> Iterator[tuple[RegionRule, str, str]]:
    """Validate one table by all its rules together.

    Args:
        source: the batch definition from `source`.
        table: name of the table.
        frame: rows of the table, with at least the columns `dossier` and `at`.
        rules: the rules, each with its permitted values.

    Yields:
        Rule, id of the dossier and path of the row, for every row that breaks a rule.

    Raises:
        OverstapError: QUALITY-001 when an expectation cannot be evaluated; the cause is not passed on, since it can
            contain personal data.
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
    """Yield the parts of an exception report, which has one part or one per metric."""
    if "raised_exception" in info:
        yield info
    else:
        yield from (part for part in info.values() if isinstance(part, dict))
