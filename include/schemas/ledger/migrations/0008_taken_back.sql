-- A coordinator takes a decision back while nothing has come of it (code/15_board.sql).

alter table overstap.gate_decision drop constraint gate_decision_gate_check;
alter table overstap.gate_decision add constraint gate_decision_gate_check check (gate in
    ('release_for_review', 'not_inspected', 'release_for_delivery', 'accept_undeliverable', 'reopen', 'take_back'));
alter table overstap.gate_decision add column takes_back uuid;        -- the decision that this one takes back
alter table overstap.gate_decision add check ((takes_back is not null) = (gate = 'take_back'));
alter table overstap.gate_decision add foreign key (takes_back, region) references overstap.gate_decision;
alter table overstap.gate_decision add unique (takes_back);

insert into overstap.transition (transition, from_state, to_state) values
    ('recall', 'in_review', 'accepted'),
    ('recall', 'inspected', 'accepted');    -- only in a round without inspection (take_back)
alter table overstap.transition alter column is_decided set expression as
    (transition in ('release', 'clear', 'inspect', 'attest', 'lapse', 'extend', 'withdraw', 'recall'));
