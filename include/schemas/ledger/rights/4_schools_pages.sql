-- The rights of the schools' pages (login overstap_school): what a school records, answers and prints. It releases, closes, delivers,
-- registers, steers and erases nothing.

grant select on all tables in schema overstap to overstap_rights_school;
revoke select on overstap.awaiting_family, overstap.review_session, overstap.review_attempt, overstap.review_salt, overstap.review_attachment,
    overstap.school_stay, overstap.school_attempt, overstap.school_device, overstap.school_account, overstap.school_factor,
    overstap.school_recovery_code, overstap.backup, overstap.certificate, overstap.agreement_draft,
    overstap.agreement_draft_version, overstap.guest_school,
    overstap.agreement_draft_approval, overstap.alarm, overstap.test_registration, overstap.applied_elsewhere, overstap.board_note, overstap.comparison, overstap.comparison_pseudonym, overstap.refused_list_row,
    overstap.contact_call, overstap.contact_message, overstap.contact_message_to, overstap.contact_person, overstap.pupil_search, overstap.second_person,
    overstap.task_failure,
    overstap.dossier_request, overstap.test_message, overstap.test_obstacle from overstap_rights_school;
-- Who else was invited is shown, but not the address that lets somebody in.
grant select (guest, region, round_id, school, name, kind, pupils, key_id, content, changes, mailed_at, expires_at, ended_by, ended_at) on overstap.guest_school to overstap_rights_school;
grant select (attachment, region, frozen), insert on overstap.review_attachment to overstap_rights_school;

-- A file about pupils leaves.
grant execute on function overstap.note_download to overstap_rights_school;
-- To hold a dossier (select for update) PostgreSQL asks for a right to change something of it; a version by itself cannot change.
grant update (version) on overstap.dossier to overstap_rights_school;
grant execute on function overstap.record_decisions, overstap.answered_already, overstap.audit, overstap.give_codes
    to overstap_rights_school;
grant insert (region, dossier, number, person, channel, days_before, state, reason, made_by), update (state, reason, made_by)
    on overstap.invitation to overstap_rights_school;
grant insert (region, dossier, number, person, printed_by) on overstap.letter_print to overstap_rights_school;
grant insert (request, region, dossier, number, person, kind, key_id, text, due_at),
    update (state, answer_key_id, answer, settled_by) on overstap.review_request to overstap_rights_school;
grant insert (region, dossier, number, purpose, opened_by, person) on overstap.content_access to overstap_rights_school;
grant insert (region, dossier, number, digest) on overstap.review_frozen to overstap_rights_school;
-- To hold the code in use while another takes its place; a code shows no other dossier, and one that ended has ended.
grant update (frozen, showing) on overstap.review_access to overstap_rights_school;
grant update (is_open, content, made_at, made_by) on overstap.review_proof to overstap_rights_school;
grant insert (mail, region, round_id, meaning, kind, is_urgent, key_id, content, due_at) on overstap.mail to overstap_rights_school;
grant insert (region, round_id, meaning, kind, recipient, facts, is_urgent) on overstap.notice to overstap_rights_school;
-- The school's own roster.
grant insert (region, school_year, school, source, code, facts), update (source, code, facts, seen_at) on overstap.refused_roster
    to overstap_rights_school;
grant execute on function overstap.hold_roster, overstap.take_roster, overstap.settle_missing, overstap.take_off_roster,
    overstap.put_back_on_roster, overstap.is_of_leavers to overstap_rights_school;
-- Dossiers that are typed in or uploaded here: what was typed is added, handed in or thrown away by functions alone.
grant execute on function overstap.hand_in_file, overstap.begin_typed, overstap.save_typed, overstap.add_typed_file, overstap.hand_in_typed,
    overstap.reopen_typed, overstap.drop_typed to overstap_rights_school;
-- The school's own mapping of its system's export.
grant execute on function overstap.save_mapping, overstap.use_mapping to overstap_rights_school;
-- What a receiving school collects: by functions that take the stay.
grant execute on function overstap.page_is_open, overstap.page_collect, overstap.page_confirm, overstap.page_removed, overstap.page_say
    to overstap_rights_school;
-- A receiving school asks a primary school outside the region for its own applicants: by a function that takes the stay.
grant execute on function overstap.ask_guest, overstap.unask_guest, overstap.page_school to overstap_rights_school;
-- The states of the applications at a receiving school: by a function that takes the stay, as well.
grant execute on function overstap.state_applications, overstap.state_offer, overstap.note_draw, overstap.say_handover, overstap.decide_support,
    overstap.state_progress to overstap_rights_school;
-- Signing in, before any region is known: each acts on the one account that the password or the stay is of.
grant execute on function overstap.school_try, overstap.school_enter, overstap.school_enter_federated, overstap.school_stay_look, overstap.school_stay_end,
    overstap.guest_look, overstap.guest_accept,
    overstap.school_stay_half, overstap.school_factors, overstap.school_factor_facts, overstap.school_factor_try,
    overstap.school_challenge, overstap.school_take_challenge, overstap.school_pass, overstap.school_pass_recovery,
    overstap.school_factor_begin, overstap.school_factor_confirm, overstap.school_factor_remove, overstap.school_recovery_renew,
    overstap.school_prove_try, overstap.school_prove to overstap_school;
