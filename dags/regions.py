"""DAG file with the DAGs of all regions, made from the agreements (see overstap.orchestration.dags).

Airflow registers a DAG when it is made, so that none needs a global name here, which another region's could overwrite.
Agreements are read once: all of them by the dag-processor, and by a worker the one of its task's region.
"""

from overstap.orchestration.dags import make_dags
from overstap.orchestration.schedule import agreed_now

for _agreement in agreed_now():
    make_dags(_agreement)
