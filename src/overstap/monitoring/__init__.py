"""Service that exports the metrics of the ledger to a monitoring system."""
