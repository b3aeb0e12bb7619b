"""OSO's Traffic Centre (Kennisnet), as far as its messages are public.

messages    what goes to and from it, by OSO's own names
adapter     what a qualified supplier's adapter has to do, and how it is plugged in
simulated   a simulation of the message chain, for tests and rehearsals
chain       the receiving side of the chain: session, document, sign-off

What is assumed is in docs/traffic-centre.md.
"""
