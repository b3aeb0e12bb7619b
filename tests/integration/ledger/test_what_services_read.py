"""What the logins of services that others reach may read: a table that is added later is none of theirs until named."""

import psycopg
import pytest

from overstap_tools.local.postgres import EmbeddedPostgres

SCHOOL = """
    advice_flag advice_seen application application_event audit_checkpoint audit_line collected content_access
    counted_decision current_handover current_result delivery dossier dossier_event dossier_record
    dossier_version draw due_work earlier_decision entitled envelope_withdrawal finding gate_decision
    gate_hold guest_ask guest_dossier guest_school handover invitation letter_print mail may_leave may_receive
    milestone_passed non_delivery notice offer on_page outside_registration page_collection page_confirmation
    page_result placed_twice placement_answer pupil_progress pupil_test quality_run receipt refused_input
    refused_registration refused_roster region result retention retention_hold review_access review_answer
    review_attachment review_decision review_frozen review_ground review_proof review_request revocation
    roster roster_event roster_owner roster_pupil round round_agreement run_change school school_line
    school_mapping school_report state supplied_file support_decision transition typed_dossier typed_file
    typed_step window_decision withdrawal without_consent without_receiver
"""
DESK = """
    application audit_checkpoint audit_line collected counted_decision current_handover current_result
    delivery dossier dossier_event dossier_record dossier_request dossier_version due_work earlier_decision
    entitled envelope_withdrawal finding gate_decision gate_hold guest_dossier invitation may_leave
    may_receive milestone_passed non_delivery notice on_page page_result placement_answer quality_run receipt
    refused_registration region result retention retention_hold review_answer review_decision review_frozen
    review_ground revocation round round_agreement run_change school school_line state supplied_file
    test_message test_obstacle transition window_decision withdrawal without_consent without_receiver
"""


@pytest.mark.parametrize(("role", "reads"), [("overstap_rights_school", SCHOOL), ("overstap_rights_desk", DESK)])
def test_a_service_reads_what_it_works_with_and_nothing_else(
    postgres: EmbeddedPostgres, ledger_template: str, role: str, reads: str
) -> None:
    """Both have `select on all tables` and a list of what is taken away, which whoever adds a table does not see."""
    with psycopg.connect(postgres.superuser_dsn(ledger_template)) as owner:
        found = owner.execute(
            "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
            "where n.nspname = 'overstap' and c.relkind in ('r', 'p', 'v', 'm') "
            "and has_any_column_privilege(%s, c.oid, 'select') order by 1",
            [role],
        ).fetchall()
    assert {name for (name,) in found} == set(reads.split())
