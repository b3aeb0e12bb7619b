"""Pull: dossiers stand ready at a region's desk until their school asks for them (docs/pull.md).

request   the messages: a request, an answer without a dossier, a notification
desk      what the region's side does with a request, a receipt, a result
serving   its web server
asking    the asking side: one line to a desk
"""
