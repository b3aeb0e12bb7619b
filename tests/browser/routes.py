"""Every address of Airflow that is read with GET, as installed; run as a program, apart from pytest."""

import json
import sys


def main() -> None:
    from airflow.api_fastapi.core_api.routes.public import public_router
    from airflow.api_fastapi.core_api.routes.ui import ui_router

    found = sorted(
        {
            route.path
            for router in (public_router, ui_router)
            for route in router.routes
            if "GET" in getattr(route, "methods", ())
        }
    )
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
