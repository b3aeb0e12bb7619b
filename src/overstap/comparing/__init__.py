"""Comparison of applications of two regions: within one deployment, and by signed files between two."""
