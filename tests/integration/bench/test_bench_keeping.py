"""Test of the benchmark of a full ledger, over a small one."""

import io

from rich.console import Console

from overstap_tools.bench import keeping
from overstap_tools.bench.sandbox import bench_sandbox

REGIONS, PUPILS = 2, 130


def test_a_full_ledger_is_dumped_restored_migrated_and_emptied() -> None:
    out, told = io.StringIO(), []
    with bench_sandbox(keeping.region_names(REGIONS), is_durable=False) as sandbox:
        console = Console(file=out, width=200)
        found = keeping.run(console, sandbox, regions=REGIONS, pupils=PUPILS, advance=told.append)
        left = keeping._one(
            sandbox.owner_dsn,
            "select count(*) filter (where forgotten_at is null), (select count(*) from overstap.application),"
            " (select count(*) from overstap.dossier_version where content <> ''),"
            " (select count(*) from overstap.audit_line where payload like '%retention.traces%') from overstap.dossier",
        )
    assert found.dossiers == found.erased == REGIONS * PUPILS
    assert left == [0, 0, 0, found.dossiers]
    assert sum(told) == 3 * found.dossiers
    # The dossiers and their envelopes cannot be compressed
    assert found.size_bytes > found.backup_bytes > found.dossiers * keeping.CONTENT_BYTES
    assert min(found.backup_seconds, found.restore_seconds, found.migration_seconds, found.retention_seconds) > 0
    works = {keeping.BACKUP, keeping.RESTORE, keeping.MIGRATION, keeping.RETENTION}
    assert {what for what, ms in found.cpu_ms.items() if ms > 0} == works
    said = out.getvalue()
    assert "backup (pg_dump)" in said
    assert found.longest_migration in said
