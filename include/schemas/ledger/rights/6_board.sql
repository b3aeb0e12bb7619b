-- The rights of who only looks (login overstap_watch: the triggerer, and the metrics), and of the board (login overstap_board), which in
-- addition writes what a coordinator decides there, by functions that record who it was. What they read of a dossier is encrypted, and
-- they have no key; what could let somebody in is not shown to them either.

grant select on all tables in schema overstap to overstap_rights_watch;
revoke select on overstap.review_session, overstap.review_attempt, overstap.review_salt, overstap.review_attachment,
    overstap.review_access, overstap.school_account, overstap.school_stay, overstap.school_attempt, overstap.school_device,
    overstap.school_factor, overstap.school_recovery_code, overstap.typed_dossier, overstap.typed_step,
    overstap.typed_file, overstap.school_mapping, overstap.guest_school, overstap.page_collection, overstap.pupil_test, overstap.test_registration, overstap.pupil_progress, overstap.support_decision,
    overstap.comparison, overstap.comparison_pseudonym, overstap.pupil_search, overstap.board_note from overstap_rights_watch;
grant select (comparison, region, school_year, partner, part, pupils, found, by_whom, begun_at, ended_at) on overstap.comparison
    to overstap_rights_watch;
-- That results could not be read, and of which school: not whose.
grant select (region, school_year, primary_school, refused_code, refused_at) on overstap.test_registration to overstap_rights_watch;
grant select on overstap.board_note to overstap_rights_board;
grant select (region, school, number, fields, unread, saved_by, saved_at, used_at) on overstap.school_mapping to overstap_rights_watch;
grant select (guest, region, round_id, school, name, kind, pupils, invited_by, invited_at, asked, asked_at, changes, mailed_at, expires_at, ended_by, ended_at)
    on overstap.guest_school to overstap_rights_watch;
grant select (key_id, content) on overstap.guest_school to overstap_rights_board;
grant select (typed, region, round_id, primary_school, state, made_at, handed_in_at) on overstap.typed_dossier to overstap_rights_watch;
grant select (region, message_id) on overstap.page_collection to overstap_rights_watch;
grant select (access, region, dossier, person, frozen, opens_at, issued_at, issued_by, ended_at) on overstap.review_access
    to overstap_rights_watch;
grant overstap_rights_watch to overstap_rights_board;
grant select on overstap.backup, overstap.certificate to overstap_watch, overstap_board;
-- When background work is due in a region is no dossier's.
grant execute on function overstap.due_work to overstap_watch, overstap_board;
grant execute on function overstap.is_of_leavers, overstap.release_waits to overstap_rights_watch;

grant execute on function overstap.answer_gate, overstap.undoable, overstap.take_back, overstap.take_up, overstap.take_up_list, overstap.answer_placement,
    overstap.take_back_sent, overstap.releases, overstap.kept_answer, overstap.unstated, overstap.acting_region to overstap_rights_board;
-- A file about pupils leaves.
grant execute on function overstap.note_download to overstap_rights_board;
-- A coordinator lets somebody of a school in again who lost the second factor.
grant execute on function overstap.school_accounts, overstap.recover_account to overstap_rights_board;
-- What another person asked for is confirmed here alone, where it is known who is signed in.
grant execute on function overstap.second_requests, overstap.confirm_second, overstap.withdraw_second to overstap_rights_board;
-- Whom to call, calls and messages. Their contents are encrypted; the key for them is in the api-server alone, beside the tasks' own.
-- Schools from outside the region, for one round.
grant execute on function overstap.invite_guest, overstap.invite_collector, overstap.renew_guest, overstap.end_guest to overstap_rights_board;
grant execute on function overstap.keep_contact, overstap.note_call, overstap.erase_call, overstap.keep_message
    to overstap_rights_board;
-- A pupil by number, and notes: whose a note is, the board learns by the id of a dossier, application or roster entry.
grant execute on function overstap.find_pupil, overstap.most_searches, overstap.keep_note, overstap.erase_note to overstap_rights_board;
