"""Runs the task `watch_deliveries` of region alfa for each line of settings that comes in, in one process."""

import json
import os
import sys

from overstap.orchestration.tasks import watch_deliveries

for line in sys.stdin:
    order = json.loads(line)
    os.environ.update(order["settings"])
    print("DONE", json.dumps(watch_deliveries("alfa", order["year"])), flush=True)
