"""Demonstration: a synthetic region's round on one machine, with the same parts as a real region.

`sandbox` has the folders; `building` builds and starts it; `people` act (coordinator, schools) through the same pages
and commands as real ones; `story` runs the round and reports it; `table` shows the results.
"""
