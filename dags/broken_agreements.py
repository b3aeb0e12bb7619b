"""DAG file that reports unreadable agreement files as an import error in Airflow, while all other DAGs keep running.

Opened rounds of such a file run by the version that the ledger holds (overstap.orchestration.last_agreed).

It defines no DAG. Airflow parses a file only when it contains the words "airflow" and "dag" (its safe mode).
"""

from overstap.agreements import load_all
from overstap.settings import Settings

if broken := load_all(Settings().regions)[1]:
    raise ValueError("\n".join(str(error) for error in broken))
