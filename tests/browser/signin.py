"""Signs in at Airflow's own login pages through an identity provider; run as a program, in Airflow's environment.

Each line that it reads is somebody who signs in, each line that it writes begins with `{"asked"` and says what came of
it: it takes seconds to load Airflow's pages.
"""

import json
import sys
from typing import Any

import httpx


def main() -> None:
    from airflow.providers.fab.www.app import create_app

    app = create_app(enable_plugins=False)
    for _ in sys.stdin:
        print(json.dumps(sign_in(app)), flush=True)


def sign_in(app: Any) -> dict[str, object]:
    """Sign in with a browser that was never here; say what the provider was asked, and who is signed in."""
    client = app.test_client()
    leaves = client.get("/login/oidc?next=")
    assert leaves.status_code == 302, leaves.text
    back = httpx.get(leaves.headers["Location"], trust_env=False)
    query = back.headers["location"].partition("?")[2]
    returns = client.get(f"/oauth-authorized/oidc?{query}")
    with client.session_transaction() as session:
        account = session.get("_user_id")
    return {"asked": leaves.headers["Location"], "status": returns.status_code, "user": account}


if __name__ == "__main__":
    main()
