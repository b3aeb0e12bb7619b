"""Checks of retention periods: data that identify pupils are erased after the content, never before."""

from overstap.agreements.checks.context import CheckContext


def check(context: CheckContext) -> None:
    """Note traces that would go before the content; what is no number is for the check of the shape."""
    stated = context.source.at("retention")
    if not isinstance(stated, dict):
        return
    content, traces = stated.get("content_days"), stated.get("traces_days")
    if isinstance(content, int) and isinstance(traces, int) and traces < content:
        context.add_finding("AGREEMENT-174", "retention", "traces_days", content=content, traces=traces)
