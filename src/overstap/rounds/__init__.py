"""The steps of a round: one function each, called by Airflow's tasks, the rehearsal, the benchmark and the tests.

A step takes a context (`context`) and ids, works through the stages and the ledger, and returns counts. It knows no
scheduler: which run of Airflow it is part of stands in the context. Every step may be repeated and run twice at once.

| module | steps |
|---|---|
| `opening` | open a round, take over what a coordinator's form asks |
| `agreed` | the agreement that holds for a running round |
| `collection` | registrations, a school's dossiers, what there is to collect today |
| `checking` | judge what is new, make the schools' reports |
| `reviewing` | release to parents, invite them, end their inspection |
| `questions` | what the coordinator is asked before delivery and before closing, and what is decided |
| `delivering` | sort out receivers, seal, deliver, take in what schools left for us |
| `watching` | what goes on beside the rounds every few minutes |
| `notifying` | what coordinators, schools and families are told by mail |
| `closing` | close a round with its report and signed evidence |
| `retaining` | erase what was kept long enough |
"""
