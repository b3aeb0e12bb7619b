"""Tests of the sign-in page by password in Dutch, from Flask-AppBuilder with our configuration."""

import os
import re
import subprocess
import sys
from pathlib import Path

from overstap.resources import INCLUDE

PROBE = """
from airflow.utils.db import initdb
initdb()
from airflow.providers.fab.www.app import create_app
page = create_app(enable_plugins=False).test_client().get("/login/")
print("RESULT", page.status_code, page.get_data(as_text=True))
"""


def test_the_page_is_dutch(airflow_home: Path, tmp_path: Path) -> None:
    environment = os.environ | {
        "AIRFLOW__FAB__CONFIG_FILE": str(INCLUDE / "airflow" / "webserver_config.py"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
        "AIRFLOW__API__SECRET_KEY": "only in this test",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, check=True, cwd=tmp_path
    )
    _, status, page = done.stdout.partition("RESULT ")[2].partition("200")
    assert status == "200", done.stdout[-2000:]
    shown = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "Voer uw gebruikersnaam en wachtwoord in" in shown
    assert "Wachtwoord" in shown
