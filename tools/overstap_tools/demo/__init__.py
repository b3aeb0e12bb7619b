"""The demonstration: a synthetic region's round on one machine, with the parts that a real region runs.

`sandbox` says where everything is; `building` builds and starts it; `people` act (coordinator, schools) through the
same pages and commands as real ones; `story` plays the round and reports it; `table` is what is shown of it.
"""
