-- The databases and logins of a new deployment, read by psql once, when the database server is new.
\set ON_ERROR_STOP on
\set airflow `cat /run/secrets/airflow_password`
\set owner `cat /run/secrets/owner_password`
\set app `cat /run/secrets/app_password`
\set review `cat /run/secrets/review_password`
create role airflow login password :'airflow';
create database airflow owner airflow;
revoke connect on database airflow from public;
create role overstap_owner login createrole password :'owner';
create database overstap_ledger owner overstap_owner;
revoke connect on database overstap_ledger from public;
-- Made by the owner itself: only so may it grant a region's role to the application later.
set role overstap_owner;
create role overstap_app login noinherit password :'app';
create role overstap_review login noinherit password :'review';
reset role;
grant connect on database overstap_ledger to overstap_app, overstap_review;
