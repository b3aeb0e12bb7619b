"""Entry point of `python -m overstap`, which runs the command `overstap`."""

from overstap.cli import main

main()
