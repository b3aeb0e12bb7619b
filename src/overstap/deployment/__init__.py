"""Making a deployment ready: its secrets, folders, `.env` and proxy configuration, and what `init` does at each start.

`docker-compose.yaml` says which container has what of it; docs/install.md says how to use it.
"""
