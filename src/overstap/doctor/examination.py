"""Runner of all checks, in their order; an exception in a check is a finding and stops no other check."""

from collections.abc import Callable, Iterable, Iterator

from overstap.doctor import (
    airflow_check,
    clock_check,
    folder_check,
    key_service_check,
    ledger_check,
    mail_check,
    region_check,
    setting_check,
    signin_check,
)
from overstap.doctor.finding import Finding, wrong
from overstap.errors import OverstapError
from overstap.settings import Settings

Check = Callable[[Settings], Iterable[Finding]]

CHECKS: tuple[tuple[str, Check], ...] = (
    ("settings", setting_check.findings),
    ("clock", clock_check.findings),
    ("folders", folder_check.findings),
    ("ledger", ledger_check.findings),
    ("regions", region_check.findings),
    ("keys", key_service_check.findings),
    ("airflow", airflow_check.findings),
    ("sign-in", signin_check.findings),
    ("mail", mail_check.findings),
)


def examine(settings: Settings, only: Iterable[str] = ()) -> Iterator[Finding]:
    """Run the checks and yield their findings.

    Args:
        settings: settings of this process.
        only: names of checks; all when empty.
    """
    wanted = frozenset(only)
    for name, check in CHECKS:
        if wanted and name not in wanted:
            continue
        try:
            yield from check(settings)
        except OverstapError as error:
            yield wrong(name, f"{error.code}: {error.message_en}", error.do_en)
        except Exception as error:
            # The message may hold a connection string or a value: only the exception's type is shown.
            yield wrong(name, f"this check broke ({type(error).__name__})", "report it; the others went on")
