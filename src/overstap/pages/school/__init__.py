"""The school's own pages: its pupils and how far their inspection is, letters, lists, paper, questions of parents.

`passwords` proves who somebody is, `pupils` gathers what is shown, `app` and `serve` are the pages and their process.
"""
