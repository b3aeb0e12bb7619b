-- The rights of tasks and of the command, in the role of one region (login overstap_app). Columns, not tables: what a round started
-- with stays, and a moment that counts as evidence is the database's own. What somebody decides (a release, an answer, a registration,
-- what holds for a round) is kept by functions alone, each of which writes the audit line of it: no table of decisions can be written.

grant usage on schema overstap to overstap_region, overstap_app;
do $$ begin
    execute format('grant connect on database %I to overstap_app', current_database());
end $$;

-- regions, rounds
grant select on overstap.region to overstap_region;
grant select, insert, update (name, contact, is_guest) on overstap.school to overstap_region;
grant select on overstap.round, overstap.round_agreement, overstap.run_change, overstap.application,
    overstap.application_event to overstap_region;
grant execute on function overstap.open_round, overstap.hold_round, overstap.add_agreement, overstap.narrow_run, overstap.undecided,
    overstap.close_round, overstap.reopen_round, overstap.record_registrations, overstap.withdraw_registrations,
    overstap.registrations_digest, overstap.unstated, overstap.acting_region to overstap_region;
grant select, insert (region, round_id, milestone, moment, behind) on overstap.milestone_passed to overstap_region;
grant update (unstated_at) on overstap.application to overstap_region;   -- a mark, no decision
grant select, insert (region, school_year, source, line, code, facts), delete on overstap.refused_registration to overstap_region;
grant select, insert (region, school_year, list, school, file, code, table_column, count, lines, facts), update (count, lines, facts), delete
    on overstap.refused_list_row to overstap_region;

grant select, insert, update on overstap.due_work, overstap.collected to overstap_region;
grant execute on function overstap.due_work to overstap_app;

-- rosters
grant select on overstap.roster, overstap.roster_pupil, overstap.roster_event, overstap.roster_owner to overstap_region;
grant select, insert (region, school_year, school, source, code, facts), update (source, code, facts, seen_at), delete
    on overstap.refused_roster to overstap_region;
grant execute on function overstap.hold_roster, overstap.take_roster, overstap.settle_missing, overstap.take_off_roster,
    overstap.put_back_on_roster, overstap.take_up_list, overstap.roster_digest, overstap.is_of_leavers to overstap_region;

-- advice and test
grant select on overstap.pupil_test to overstap_region;
grant select, insert (region, school_year, pupil, primary_school, flag, dossier), delete on overstap.advice_flag to overstap_region;
grant select, insert, update, delete on overstap.advice_seen to overstap_region;
grant select on overstap.handover, overstap.current_handover, overstap.support_decision to overstap_region;
grant execute on function overstap.take_tests, overstap.tests_digest to overstap_region;
grant select on overstap.test_registration to overstap_region;
grant execute on function overstap.announce_test_registrations, overstap.announce_test_advices, overstap.settle_test_registrations,
    overstap.take_test_result, overstap.test_registrations_digest, overstap.test_mandate to overstap_region;

-- progress of pupils
grant select on overstap.pupil_progress to overstap_region;
grant execute on function overstap.progress_digest to overstap_region;

-- comparison with other regions
grant select on overstap.comparison, overstap.applied_elsewhere to overstap_region;
grant select, insert (region, school_year, pupil, point) on overstap.comparison_pseudonym to overstap_region;
grant execute on function overstap.ask_comparison, overstap.answer_comparison, overstap.read_comparison, overstap.elsewhere_digest,
    overstap.agrees_to_compare to overstap_region;

-- places
grant select on overstap.offer, overstap.draw to overstap_region;
grant execute on function overstap.take_offers, overstap.offers_digest to overstap_region;

-- drafts of agreements: a task writes what was approved
grant select on overstap.agreement_draft, overstap.agreement_draft_version to overstap_region;
grant execute on function overstap.announce_draft, overstap.settle_draft to overstap_region;

-- A file about pupils leaves.
grant execute on function overstap.note_download to overstap_region;
-- gates
grant select on overstap.gate_decision, overstap.window_decision to overstap_region;
grant select, insert (region, round_id, gate, batch, reason, subject, count, facts) on overstap.gate_hold to overstap_region;
grant execute on function overstap.release, overstap.releases, overstap.release_waits, overstap.kept_answer, overstap.decide_gate, overstap.decide_window, overstap.settle_holds,
    overstap.withdraw_holds to overstap_region;
-- Where one login serves everything (a demonstration, a machine for development), the board decides with it as well.
grant execute on function overstap.answer_gate, overstap.undoable, overstap.take_back, overstap.take_up, overstap.answer_placement,
    overstap.take_back_sent to overstap_region;

-- dossiers
grant select on overstap.state, overstap.transition, overstap.dossier_event to overstap_region;
grant select, insert (region, round_id, primary_school, pupil, las_key),
    update (state, version, review_opens_at, review_closes_at, las_key) on overstap.dossier to overstap_region;
grant select, insert (dossier, number, region, key_id, content, content_digest, oso_version, source)
    on overstap.dossier_version to overstap_region;
grant select, insert, delete on overstap.finding to overstap_region;
grant select, insert, update (key_id, record) on overstap.dossier_record to overstap_region;
grant select, insert, delete, update (code, facts, key_id, file_name) on overstap.refused_input to overstap_region;
grant select, insert (region, round_id, primary_school, supplied, dossier, number, code, facts), delete
    on overstap.supplied_file to overstap_region;
grant select, insert on overstap.quality_run to overstap_region;
grant select, insert (region, round_id, school, key_id, html, csv), update (key_id, html, csv, made_at)
    on overstap.school_report to overstap_region;
grant select, insert (region, dossier, owner), update (owner, taken_at) on overstap.without_receiver to overstap_region;

-- typed in: a collection takes what a school handed in
grant select on overstap.typed_dossier, overstap.typed_step, overstap.typed_file to overstap_region;
-- what a school mapped is told on the board and checked
grant select on overstap.school_mapping to overstap_region;

-- review
grant select on overstap.review_ground, overstap.review_answer, overstap.awaiting_family, overstap.counted_decision, overstap.earlier_decision,
    overstap.without_consent to overstap_region;
grant execute on function overstap.answered_already to overstap_region;
grant select, insert (region, dossier, number, person, kind) on overstap.entitled to overstap_region;
grant select, insert (region, dossier, number, person, channel, days_before, state, reason, made_by),
    update (state, reason, made_by) on overstap.invitation to overstap_region;
grant select, insert (region, dossier, number, person, printed_by) on overstap.letter_print to overstap_region;
grant select on overstap.review_decision to overstap_region;
grant execute on function overstap.record_decisions, overstap.carry_decisions, overstap.lapse_review, overstap.give_codes
    to overstap_region;
grant select, insert (request, region, dossier, number, person, kind, key_id, text, due_at),
    update (state, answer_key_id, answer, settled_by) on overstap.review_request to overstap_region;
grant select, insert (region, dossier, number, purpose, opened_by, person) on overstap.content_access to overstap_region;
grant select, insert (region, dossier, number, digest) on overstap.review_frozen to overstap_region;
grant select (attachment, region, frozen), insert on overstap.review_attachment to overstap_region;
grant select, update (frozen, showing) on overstap.review_access to overstap_region;
grant select, update (is_open, content, made_at, made_by) on overstap.review_proof to overstap_region;

-- delivery
grant select on overstap.placed_twice, overstap.placement_answer to overstap_region;
grant select on overstap.may_leave, overstap.may_receive, overstap.current_result to overstap_region;
grant select,
    insert (message_id, region, round_id, dossier, number, secondary_school, serial, envelope, envelope_digest, manifest_digest,
            files_digest, stated_at, key_id),
    update (state, attempts, next_attempt_at, problem, offered_at, settled_at)
    on overstap.delivery to overstap_region;
grant select, insert (region, message_id, digest, content, outcome, code), update (outcome, code)
    on overstap.receipt to overstap_region;
grant select, insert (region, message_id, kind, outcome, reason, stated_at, digest, content)
    on overstap.result to overstap_region;
grant select, insert, update on overstap.school_line to overstap_region;
grant select, insert (region, round_id, message_id, primary_school, secondary_school, problem, attempts)
    on overstap.non_delivery to overstap_region;
grant select, insert (request_id, region, secondary_school, primary_school, pupil, answer, reason, message_id)
    on overstap.dossier_request to overstap_region;
grant select on overstap.withdrawal, overstap.envelope_withdrawal to overstap_region;
grant select on overstap.on_page, overstap.page_collection, overstap.page_confirmation, overstap.page_result to overstap_region;
grant execute on function overstap.withdraw, overstap.withdraw_at, overstap.take_back_withdrawn to overstap_region;
grant select, insert (message_id, region, statement, statement_digest),
    update (state, attempts, next_attempt_at, problem, answer, had, offered_at, settled_at)
    on overstap.revocation to overstap_region;
grant select, insert (message_id, region, round_id, primary_school, secondary_school, envelope, envelope_digest, manifest_digest,
                      sent_by),
    update (outcome, code, receipt, settled_at) on overstap.test_message to overstap_region;
grant select, insert (region, round_id, school, code), update (code, found_at), delete on overstap.test_obstacle to overstap_region;
grant execute on function overstap.adopt_envelope, overstap.tell_settled to overstap_region;

-- notifications
grant select, insert (mail, region, round_id, meaning, kind, is_urgent, key_id, content, due_at),
    update (state, attempts, code, reply, next_attempt_at, settled_at, content) on overstap.mail to overstap_region;
grant select, insert (region, round_id, meaning, kind, recipient, facts, is_urgent), update (mail, dropped_at)
    on overstap.notice to overstap_region;
grant select, insert (region, round_id, dag_id, run_id, task, map_index, school, code, facts, who, will_retry),
    update (ended_at) on overstap.task_failure to overstap_region;

-- contact with schools: a task mails what a coordinator wrote on the board
grant select on overstap.contact_person, overstap.contact_call, overstap.contact_message, overstap.contact_message_to, overstap.board_note,
    overstap.pupil_search to overstap_region;
grant select on overstap.guest_school, overstap.guest_ask, overstap.guest_dossier to overstap_region;
grant select, insert, delete on overstap.outside_registration to overstap_region;
grant execute on function overstap.mail_guest, overstap.tell_guest to overstap_region;
grant update (queued_at) on overstap.contact_message to overstap_region;
grant update (is_unreachable) on overstap.contact_message_to to overstap_region;
-- Where one login serves everything, as above.
grant execute on function overstap.keep_contact, overstap.note_call, overstap.erase_call, overstap.keep_message,
    overstap.invite_guest, overstap.invite_collector, overstap.renew_guest, overstap.end_guest, overstap.find_pupil, overstap.most_searches,
    overstap.keep_note, overstap.erase_note
    to overstap_region;

-- accounts: made, ended and recovered; nobody signs in with this login
grant execute on function overstap.put_account, overstap.end_account, overstap.recover_account, overstap.school_accounts
    to overstap_region;
grant execute on function overstap.alarms_to_tell, overstap.look_for_unusual to overstap_region;

-- audit, retention
grant select on overstap.audit_line to overstap_region;
grant execute on function overstap.audit to overstap_region;
grant select on overstap.audit_checkpoint to overstap_region;
grant execute on function overstap.begin_checkpoint, overstap.keep_checkpoint to overstap_region;
grant select on overstap.retention_hold to overstap_region;
grant execute on function overstap.hold_back, overstap.lift_hold to overstap_region;
grant select on overstap.retention to overstap_region;
grant execute on function overstap.may_erase, overstap.erase_content, overstap.forget_traces, overstap.erase_of_round,
    overstap.erase_asked, overstap.erase_notes_asked, overstap.announce_keys, overstap.factor_keys to overstap_region;
-- A second person is asked for here, and never confirms here.
grant execute on function overstap.second_requests, overstap.withdraw_second to overstap_region;

-- of no region
grant select, insert (what, made_by) on overstap.backup to overstap_app;
grant select, delete, insert (holder, holds_until) on overstap.certificate to overstap_app;
