"""Creation of a deployment: its secrets, folders, `.env`, proxy configuration and first keys (`overstap deploy init`).

`docker-compose.yaml` mounts them in the containers; docs/install.md is the manual.
"""
