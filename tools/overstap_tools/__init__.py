"""What only makes a demonstration, a benchmark or a development machine: not in the wheel or the production image."""
