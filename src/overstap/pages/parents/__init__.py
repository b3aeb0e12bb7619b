"""The parents' pages: a service of its own that reads the person's own copy by the code, and adds what they decide.

`app` has the pages, `store` the calls to the ledger, `wording` the languages, `forms` what people type, `pdf` what they
take home, `serve` the process.
"""
