"""Tests of access codes: each opens its own person's copy only."""

from datetime import timedelta

import psycopg
from families import Home, ReviewRound

from overstap.review.code_keys import PageSession, code_keys, read_code
from overstap.review.copies import decrypt_copy


def sign_in(connection, code, born, address="198.51.100.7"):
    keys = code_keys(read_code(code), born)
    stay = PageSession.new()
    status, *_ = connection.execute(
        "select * from overstap.review_sign_in(%s, %s, %s, %s, %s, %s)",
        [keys.lookup_token, keys.proof_token, address, address, stay.token, stay.seal_key(keys.copy_key)],
    ).fetchone()
    return status, stay


def look(connection, stay):
    return connection.execute("select * from overstap.review_look(%s)", [stay.token]).fetchone()


def copy_of(row, stay):
    access, region, _, _, _, held, showing = row[:7]
    return decrypt_copy(showing, stay.open_key(held), region, access, is_whole=True)


def test_a_code_with_the_birth_date_opens_the_own_copy(review_round: ReviewRound, at_home: Home) -> None:
    families = [review_round.take(), review_round.take(2)]
    with psycopg.connect(at_home.review_dsn, autocommit=True) as connection:
        for family in families:
            for person in family.persons:
                status, stay = sign_in(connection, family.codes[person], family.born)
                assert status == "open"
                row = look(connection, stay)
                assert row[2] == family.dossier
                assert family.surname in copy_of(row, stay)["pupil"]
                assert sign_in(connection, family.codes[person], family.born + timedelta(days=1))[0] == "wrong"
