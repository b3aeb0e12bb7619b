-- The rights of the desk (login overstap_desk), where schools ask for what is ready for them: it hands out what was sealed and keeps
-- what the school signed. It seals, releases, registers and decides nothing. It reads a dossier, to hold who is asked for against
-- who is in it, and nothing of what parents asked or were given.

grant select on all tables in schema overstap to overstap_rights_desk;
revoke select on overstap.review_session, overstap.review_attempt, overstap.review_salt, overstap.review_attachment,
    overstap.review_access, overstap.review_decision, overstap.review_request, overstap.review_proof, overstap.refused_input,
    overstap.school_report, overstap.school_account, overstap.school_stay, overstap.school_attempt, overstap.school_device,
    overstap.school_factor, overstap.school_recovery_code, overstap.guest_school, overstap.guest_ask, overstap.outside_registration, overstap.mail, overstap.backup, overstap.certificate, overstap.agreement_draft,
    overstap.agreement_draft_version, overstap.roster_pupil, overstap.roster_event,
    overstap.page_collection, overstap.page_confirmation, overstap.typed_dossier, overstap.typed_step, overstap.typed_file, overstap.school_mapping,
    overstap.placement_answer, overstap.placed_twice, overstap.application_event, overstap.pupil_test, overstap.advice_flag, overstap.test_registration,
    overstap.agreement_draft_approval, overstap.alarm, overstap.applied_elsewhere, overstap.board_note, overstap.comparison, overstap.comparison_pseudonym, overstap.refused_list_row,
    overstap.contact_call, overstap.contact_message, overstap.contact_message_to, overstap.contact_person, overstap.pupil_search, overstap.second_person,
    overstap.task_failure,
    overstap.advice_seen, overstap.awaiting_family, overstap.pupil_progress, overstap.support_decision, overstap.handover, overstap.draw, overstap.offer, overstap.roster,
    overstap.roster_owner, overstap.refused_roster, overstap.letter_print, overstap.content_access
    from overstap_rights_desk;
-- Which placements hold (may_receive), not why.
grant select (region, round_id, pupil, schools, holds, decided_at, placement_answer) on overstap.placement_answer to overstap_rights_desk;
-- What may leave asks for the decisions (may_leave), not for the words in them.
grant select (review_decision, region, dossier, number, person, access, seen_on, agreed, consent, key_id, view, recorded_by, ground,
              recorded_at) on overstap.review_decision to overstap_rights_desk;

grant update (state) on overstap.dossier to overstap_rights_desk;
grant update (state, attempts, next_attempt_at, problem, offered_at, settled_at) on overstap.delivery to overstap_rights_desk;
grant insert (region, message_id, digest, content, outcome, code), update (outcome, code) on overstap.receipt
    to overstap_rights_desk;
grant insert (region, message_id, kind, outcome, reason, stated_at, digest, content) on overstap.result to overstap_rights_desk;
grant insert, update on overstap.school_line to overstap_rights_desk;
grant insert (request_id, region, secondary_school, primary_school, pupil, answer, reason, message_id) on overstap.dossier_request
    to overstap_rights_desk;
grant update (state, attempts, next_attempt_at, problem, answer, had, offered_at, settled_at) on overstap.revocation
    to overstap_rights_desk;
grant update (outcome, code, receipt, settled_at) on overstap.test_message to overstap_rights_desk;
grant insert (region, round_id, meaning, kind, recipient, facts, is_urgent) on overstap.notice to overstap_rights_desk;
grant execute on function overstap.audit, overstap.adopt_envelope, overstap.tell_settled to overstap_rights_desk;
-- A result of the test, of a pupil who was registered: no other test can be written here.
grant execute on function overstap.take_test_result to overstap_rights_desk;
