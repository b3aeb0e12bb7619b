"""A school year played before it begins: the steps of `rounds` on a ledger of its own, under a clock that moves.

`families` is who takes part, `play` takes one round from opening to close, `year` all of them in the order of time.
`server` is where the ledger's database comes from.
"""
