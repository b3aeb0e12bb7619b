"""Benchmarks: each module prints the rates of one room, with another program on the same files beside it."""
