"""Schools' pages: a web service for a school's pupils, their inspections, letters, lists, printing and requests.

`passwords` hashes and verifies passwords, `pupils` reads the pupils, `operations` limits all to the account's school,
`app` has the routes and `serve` the process.
"""
