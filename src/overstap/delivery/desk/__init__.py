"""Pull, as OSO works: a dossier stands ready, and its school asks for it (docs/pull.md).

request   the messages: a request, an answer without a dossier, a notification
desk      what the region's side does with a request, a receipt, a result
serving   its web server
asking    the asking side: one line to a desk
"""
