"""Runs tasks of the DAGs for region alfa, one for each order that comes in, in one process that has Airflow."""

import json
import os
import sys

from overstap.orchestration import tasks

for line in sys.stdin:
    order = json.loads(line)
    os.environ.update(order["settings"])
    print("DONE", json.dumps(getattr(tasks, order["task"])("alfa", *order["arguments"])), flush=True)
