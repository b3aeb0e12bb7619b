"""Path of the checkout in which demonstration, benchmarks and tests run."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
