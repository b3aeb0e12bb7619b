"""Parents' pages: a separate web service in which a parent inspects the dossier by code and records a decision.

`app` has the routes, `store` the calls to the ledger, `forms` the parsing of forms, `lines` the HTML of a dossier's
fields, `serve` the process.
"""
