"""Signs in at Airflow's own login pages through an identity provider; run as a program, in Airflow's environment."""

import json
import sys

import httpx


def main() -> None:
    from airflow.providers.fab.www.app import create_app

    client = create_app(enable_plugins=False).test_client()
    leaves = client.get("/login/oidc?next=")
    assert leaves.status_code == 302, leaves.text
    back = httpx.get(leaves.headers["Location"], trust_env=False)
    query = back.headers["location"].partition("?")[2]
    returns = client.get(f"/oauth-authorized/oidc?{query}")
    with client.session_transaction() as session:
        account = session.get("_user_id")
    json.dump({"asked": leaves.headers["Location"], "status": returns.status_code, "user": account}, sys.stdout)


if __name__ == "__main__":
    main()
