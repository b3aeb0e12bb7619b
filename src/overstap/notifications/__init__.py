"""Mail to coordinators, schools and families: notices, sending times, composition, and the outbox.

`round_notices` computes notices from a round's status; `timing` decides when they are sent; `composition` makes the
mail; `updating` does all three for a region and queues the mails; `outbox` sends them.
"""
