"""Commands that these tools add to `overstap`, by the entry point group `overstap.commands`."""
