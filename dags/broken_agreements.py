"""Shows agreement files that cannot be read as an import error in Airflow: they are seen, and everything runs on.

All other regions do, and the rounds of that file that were opened, by the version that the ledger holds
(overstap.orchestration.last_agreed).

It has no DAG of its own. Airflow looks into a file only when the words "airflow" and "dag" are in it (its safe mode).
"""

from overstap.agreements import load_all
from overstap.settings import Settings

if broken := load_all(Settings().regions)[1]:
    raise ValueError("\n".join(str(error) for error in broken))
