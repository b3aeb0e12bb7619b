-- The databases of a new deployment and their owners, read by psql once, when the database server is new. The logins of the ledger's
-- services are made by its schema, and get their passwords at each start (`overstap deploy prepare`).
\set ON_ERROR_STOP on
\set airflow `cat /run/secrets/airflow_password`
\set owner `cat /run/secrets/owner_password`
create role airflow login password :'airflow';
create database airflow owner airflow;
revoke connect on database airflow from public;
create role overstap_owner login createrole password :'owner';
create database overstap_ledger owner overstap_owner;
revoke connect on database overstap_ledger from public;
