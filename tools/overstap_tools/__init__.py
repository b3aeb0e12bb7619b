"""Tools for demonstration, benchmarks and development machines; not part of the wheel or the production image."""
