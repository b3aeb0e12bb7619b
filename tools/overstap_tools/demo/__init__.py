"""The demonstration: a synthetic region's round on one machine, with the parts that a real region runs.

`place` says where everything is; `house` builds and starts it; `people` act (coordinator, schools) through the same
doors as real ones; `story` plays the round and tells it; `table` is what is shown of it.
"""
