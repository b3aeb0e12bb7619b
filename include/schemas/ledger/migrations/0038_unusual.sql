-- Alarms about what is unusual: signing in at night, much opened or printed at once, a gap in the evidence, a clock that jumped.
alter table overstap.alarm drop constraint alarm_kind_check;
alter table overstap.alarm add constraint alarm_kind_check check (kind in
    ('guessing_network', 'guessing', 'code_ended', 'account_guessed', 'factor_guessed', 'invitation_guessed',
     'odd_hours', 'mass_opening', 'mass_printing', 'evidence_gap', 'clock_jump'));

-- What was opened and printed in the last hour is counted whenever a region's notices are looked at.
create index content_access_by_moment on overstap.content_access (region, opened_at);
create index letter_print_by_moment on overstap.letter_print (region, printed_at);
