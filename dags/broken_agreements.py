"""Shows agreement files that cannot be read as an import error in Airflow: they are seen, and all other regions run on.

It has no DAG of its own. Airflow looks into a file only when the words "airflow" and "dag" are in it (its safe mode).
"""

from overstap.agreements import load_all
from overstap.settings import Settings

if broken := load_all(Settings().regions)[1]:
    raise ValueError("\n".join(str(error) for error in broken))
