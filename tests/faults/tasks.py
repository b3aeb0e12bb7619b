"""Process with Airflow that runs tasks of region alfa's DAGs, one per order on standard input.

Each is told that it is the first task of a run of which nothing else has begun.
"""

import json
import os
import sys
from types import SimpleNamespace
from typing import Any, cast

from airflow.sdk.execution_time.context import set_current_context

from overstap.orchestration import tasks

RUN = SimpleNamespace(dag_id="round__alfa__advice", run_id="faults", get_task_states=lambda **_: {})

for line in sys.stdin:
    order = json.loads(line)
    os.environ.update(order["settings"])
    with set_current_context(cast(Any, {"ti": RUN})):
        done = getattr(tasks, order["task"])("alfa", *order["arguments"])
    print("DONE", json.dumps(done), flush=True)
