"""The steps of a round: one function each, called by Airflow's tasks, the rehearsal, the benchmark and the tests.

A step takes a context (`context`) and ids, calls the stages, changes the ledger, and returns counts. It does not depend
on a scheduler: the context has the name of the Airflow run. Every step can be repeated, and can run twice at once.

| module | steps |
|---|---|
| `opening` | open a round; apply the changes that a coordinator asked for in the form |
| `agreed` | the agreement in force for a running round |
| `collection` | collect registrations and a school's dossiers; list what has to be collected today |
| `checking` | check new versions; make the schools' reports |
| `reviewing` | release dossiers to parents, invite parents, end the review |
| `questions` | gates: questions to the coordinator before delivery and before closing, and the decisions |
| `delivering` | determine receivers, seal, deliver, collect receipts from schools that collect files by hand |
| `watching` | background work on deliveries: test messages, revocations, retries, notices of deadlines |
| `notifying` | mail to coordinators, schools and families |
| `closing` | close a round; write its report and sign a checkpoint |
| `retaining` | erase data whose retention period has ended |
"""
