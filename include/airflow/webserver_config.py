"""How people sign in to Airflow. Airflow reads this file by AIRFLOW__FAB__CONFIG_FILE; docs/access.md says more."""

from overstap.orchestration.signin import configuration
from overstap.settings import Settings

globals().update(configuration(Settings()))
