-- The states of a dossier in a round, and what may follow what. A transition that is not in this table cannot happen (trigger
-- keep_transition). In a round without inspection 'inspected' says that no inspection is waited for.

create table overstap.state (
    state text primary key,
    is_final boolean not null,                  -- the round ends here for this dossier, unless somebody acts
    dutch text not null
);
insert into overstap.state (state, is_final, dutch) values
    ('supplied',      false, 'aangeleverd'),
    ('accepted',      false, 'goedgekeurd'),
    ('rejected',      true,  'afgekeurd'),
    ('in_review',     false, 'ter inzage'),
    ('inspected',     false, 'ingezien'),
    ('not_inspected', true,  'niet ingezien'),
    ('no_receiver',   true,  'geen ontvanger'),
    ('sealed',        false, 'verzegeld'),
    ('confirmed',     true,  'bevestigd'),
    ('refused',       true,  'geweigerd door ontvanger'),
    ('undelivered',   true,  'niet bevestigd'),
    ('withdrawn',     true,  'ingetrokken');

create table overstap.transition (
    transition text not null,
    from_state text not null references overstap.state,
    to_state text not null references overstap.state,
    -- Comes of what somebody decided: the function that keeps the decision and its audit line makes it, and nothing else.
    is_decided boolean not null generated always as
        (transition in ('release', 'clear', 'inspect', 'attest', 'lapse', 'extend', 'withdraw')) stored,
    primary key (from_state, to_state)
);
insert into overstap.transition (transition, from_state, to_state) values
    ('accept',        'supplied',      'accepted'),
    ('reject',        'supplied',      'rejected'),
    ('mend',          'rejected',      'supplied'),
    ('renew',         'accepted',      'supplied'),
    ('renew',         'in_review',     'supplied'),
    ('renew',         'inspected',     'supplied'),
    ('renew',         'not_inspected', 'supplied'),
    ('renew',         'no_receiver',   'supplied'),
    ('release',       'accepted',      'in_review'),
    ('clear',         'accepted',      'inspected'),   -- only in a round without inspection (trigger keep_inspection)
    ('inspect',       'in_review',     'inspected'),
    ('lapse',         'in_review',     'not_inspected'),
    ('extend',        'not_inspected', 'in_review'),
    ('attest',        'not_inspected', 'inspected'),
    ('miss_receiver', 'inspected',     'no_receiver'),
    ('find_receiver', 'no_receiver',   'inspected'),
    ('seal',          'inspected',     'sealed'),
    ('confirm',       'sealed',        'confirmed'),
    ('refuse',        'sealed',        'refused'),
    ('give_up',       'sealed',        'undelivered'),
    ('confirm_late',  'undelivered',   'confirmed'),
    ('refuse_late',   'undelivered',   'refused'),
    ('reseal',        'refused',       'inspected'),   -- somebody asked for it to be sent again: a new envelope
    ('replace',       'confirmed',     'supplied'),    -- a newer version, with a release and a review of its own
    ('replace',       'refused',       'supplied'),
    ('replace',       'undelivered',   'supplied'),
    ('withdraw',      'supplied',      'withdrawn'),
    ('withdraw',      'accepted',      'withdrawn'),
    ('withdraw',      'rejected',      'withdrawn'),
    ('withdraw',      'in_review',     'withdrawn'),
    ('withdraw',      'inspected',     'withdrawn'),
    ('withdraw',      'not_inspected', 'withdrawn'),
    ('withdraw',      'no_receiver',   'withdrawn'),
    ('withdraw',      'sealed',        'withdrawn'),
    ('withdraw',      'undelivered',   'withdrawn'),
    ('withdraw',      'refused',       'withdrawn'),
    ('withdraw',      'confirmed',     'withdrawn');
