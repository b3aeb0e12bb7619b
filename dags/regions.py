"""Every DAG of every region, from the agreements: rounds, and the work beside them (see overstap.orchestration.dags).

Airflow takes in a DAG when it is made, so none needs a name here, which a region's own could overwrite. The agreements
are read once: by the DAG processor all of them, by a worker that of the region whose task it runs.
"""

from overstap.orchestration.dags import make_dags
from overstap.orchestration.schedule import agreed_now

for _agreement in agreed_now():
    make_dags(_agreement)
