"""What coordinators and schools are told by mail: which notices there are, when they go, and how they read.

`occasions` says what is to be told, from how a round stands; `timing` says when; `writing` makes the mail; `work` does
all three for a region and puts mails in the outbox.
"""
