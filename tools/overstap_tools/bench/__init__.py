"""Benchmarks: each module measures the rates of one part, with another program on the same files for comparison."""
