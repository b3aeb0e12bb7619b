-- An alarm when an account looked up as many pupils by number as it may in an hour.
alter table overstap.alarm drop constraint alarm_kind_check;
alter table overstap.alarm add constraint alarm_kind_check check (kind in
    ('guessing_network', 'guessing', 'code_ended', 'account_guessed', 'factor_guessed', 'invitation_guessed',
     'odd_hours', 'mass_opening', 'mass_printing', 'mass_searching', 'evidence_gap', 'clock_jump'));
