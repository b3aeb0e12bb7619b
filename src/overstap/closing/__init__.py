"""The end of a round: report, signed checkpoint, and export of the audit chain.

`report` tells in counts what became of the round; `checkpoint` signs the evidence so far.
"""
