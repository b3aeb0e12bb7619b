"""Bodies of requests with several envelopes, and of answers to them, that are made to harm whoever reads them."""

import json
from uuid import UUID, uuid4

import pytest

from overstap.envelope.several import ANSWERS_FORMAT, FORMAT, SeveralError, read_answers, read_envelopes

ONE, TWO = str(uuid4()), str(uuid4())


def body(items: str, form: str = FORMAT, name: str = "envelopes") -> bytes:
    return f'{{"format":"{form}","{name}":{items}}}'.encode()


def item(message: str = f'"{ONE}"', envelope: str = '"eA=="') -> str:
    return f'{{"message_id":{message},"envelope":{envelope}}}'


BAD = {
    "nested": b'{"format":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "nested beside": body(f"[{item()}]")[:-1] + b',"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "a number without end": body(f"[{item()}]")[:-1] + b',"x":' + b"9" * 100_000 + b"}",
    "the id written in another way": body(f"[{item()},{item(json.dumps(ONE.upper()))}]"),
    "the id in braces": body(f"[{item()},{item(json.dumps('{' + ONE + '}'))}]"),
    "an id that is a number": body(f"[{item(str(UUID(ONE).int))}]"),
    "an id with a line end": body(f"[{item(json.dumps(ONE + chr(10)))}]"),
    "half a surrogate": body('[{"message_id":"\\ud800","envelope":"eA=="}]'),
    "half a surrogate in an envelope": body(f"[{item(envelope=chr(34) + chr(92) + 'ud800' + chr(34))}]"),
    "Base64 with spaces": body(f"[{item(envelope=json.dumps('eA =='))}]"),
    "Base64 with line ends": body(f"[{item(envelope=json.dumps('eA==' + chr(10)))}]"),
    "Base64 for addresses": body(f"[{item(envelope=json.dumps('-_-_'))}]"),
    "an envelope twice": body(f'[{{"message_id":"{ONE}","envelope":"eA==","envelope":"eQ=="}}]'),
    "the list twice": body(f"[{item()}]")[:-1] + f',"envelopes":[{item(json.dumps(TWO))}]}}'.encode(),
    "no number": body("NaN"),
    "an object": body(item()),
    "lists": body("[[]]"),
    "nothing": body("[]"),
    "one too many": body("[" + ",".join(item(json.dumps(str(uuid4()))) for _ in range(51)) + "]"),
    "UTF-16": body(f"[{item()}]").decode().encode("utf-16"),
    "another version": body(f"[{item()}]", "overstap-envelopes/2"),
    "no JSON": b"\xff\xfe\x00",
    "empty": b"",
}


@pytest.mark.parametrize("what", BAD)
def test_a_hostile_request_is_refused_as_a_whole(what: str) -> None:
    with pytest.raises(SeveralError) as told:
        read_envelopes(BAD[what], count=50)
    assert ONE not in str(told.value)


def test_the_same_bodies_as_answers_count_for_nothing() -> None:
    for what, content in BAD.items():
        as_answer = content.replace(FORMAT.encode(), ANSWERS_FORMAT.encode()).replace(b'"envelopes"', b'"answers"')
        assert not read_answers(as_answer, count=50), what


@pytest.mark.parametrize("status", ["true", "200.0", '"200"', "null", "1e2"])
def test_a_status_that_is_no_number_counts_for_nothing(status: str) -> None:
    assert (
        read_answers(body(f'[{{"message_id":"{ONE}","status":{status}}}]', ANSWERS_FORMAT, "answers"), count=1) is None
    )
