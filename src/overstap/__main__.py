"""`python -m overstap` is the command `overstap`."""

from overstap.cli import main

main()
