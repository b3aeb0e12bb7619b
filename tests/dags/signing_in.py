"""Script that loads Airflow's sign-in once, then forks a process for each `sign_ins.SignIns.begin`.

Its arguments are the socket on which it is asked, and the file of Airflow's database, which it makes first, with one
account. A message is a JSON object with the name of a function below, the environment and the folder; with it come
descriptors: standard input, output and error. The child works on a copy of the database, and makes Airflow's pages from
its own environment: before it, the process has made none.
"""

import json
import os
import shutil
import signal
import socket
import sys
from pathlib import Path

ACCOUNT = "c.jansen"


def main() -> None:
    """Load Airflow and make its database, then fork until nobody asks any more."""
    control, database = socket.socket(fileno=int(sys.argv[1])), Path(sys.argv[2])
    _load(database)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a child: its output ends with it
    while True:
        told, descriptors, _, _ = socket.recv_fds(control, 2**20, 3)
        if not told:
            os._exit(0)
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            control.close()
            asked = json.loads(told)
            _become(descriptors, asked["environment"], Path(asked["folder"]), database)
            {"sign_in": sign_in, "show_page": show_page}[asked["function"]]()
            sys.stdout.flush()
            os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)


def sign_in() -> None:
    """Begin to sign in, and say where the browser is sent; from there to where it comes back; say who is signed in."""
    from airflow.providers.fab.www.app import create_app

    client = create_app(enable_plugins=False).test_client()
    begun = client.get("/login/oidc")
    print("ASKED" + begun.headers["Location"], flush=True)
    done = client.get("/oauth-authorized/oidc?" + input().partition("?")[2])
    with client.session_transaction() as session:
        print("RESULT" + json.dumps({"user": session.get("_user_id"), "to": done.headers.get("Location")}))


def show_page() -> None:
    """Show the page to sign in."""
    from airflow.providers.fab.www.app import create_app

    page = create_app(enable_plugins=False).test_client().get("/login/")
    print("RESULT", page.status_code, page.get_data(as_text=True))


def _load(database: Path) -> None:
    from airflow import settings
    from airflow.providers.fab.auth_manager.security_manager import override  # noqa: F401  # what pages load when made
    from airflow.providers.fab.www import app  # noqa: F401  # with all that it loads
    from airflow.utils.db import initdb

    initdb()
    settings.dispose_orm()
    pid = os.fork()
    if pid == 0:  # apart, since it makes Airflow's pages
        _add_account()
        os._exit(0)
    if os.waitpid(pid, 0)[1] != 0 or Path(f"{database}-wal").exists():
        raise RuntimeError("Airflow's database was not made")


def _add_account() -> None:
    from airflow import settings
    from airflow.providers.fab.www.app import create_app

    settings.configure_orm()
    app = create_app(enable_plugins=False)
    with app.app_context():
        manager = app.appbuilder.sm
        made = manager.add_user(ACCOUNT, "C", "Jansen", "c@example.org", manager.find_role("Viewer"), password="x" * 30)
    if not made:
        raise RuntimeError("Airflow refused an account")
    settings.dispose_orm()


def _become(streams: list[int], environment: dict[str, str], folder: Path, database: Path) -> None:
    """Be a process of its own, with a database of its own in its folder."""
    from airflow import settings

    for number, one in enumerate(streams):
        os.dup2(one, number)
        os.close(one)
    sys.stdin = os.fdopen(0, closefd=False)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    own = shutil.copyfile(database, folder / "airflow.db")
    os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{own}"
    settings.configure_vars()
    settings.configure_orm()


if __name__ == "__main__":
    main()
