"""Mail: the one door to a mail server, and the worker of the outbox.

`ledger.mails` is the outbox; `outbox` works it; `door` speaks SMTP; `message` makes the mail as it goes over the wire;
`sink` is a mail server that keeps what it gets in a folder, for the demonstration.
"""
