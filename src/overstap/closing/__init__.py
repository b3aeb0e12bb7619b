"""The end of a round: what became of it, and evidence that can be handed out.

`report` tells in counts what became of the round; `checkpoint` signs the evidence so far.
"""
