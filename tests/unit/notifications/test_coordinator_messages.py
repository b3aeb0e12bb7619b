"""Tests of the text around a coordinator's message, and of who it is from."""

from overstap.agreements import load_agreement
from overstap.notifications.coordinator_messages import MessageAuthor, author_of, message_text
from overstap.resources import INCLUDE

AGREEMENT = load_agreement(INCLUDE / "regions" / "demo" / "2026-2027.yaml")


def test_an_author_whom_the_agreement_no_longer_names_lends_nobodys_name() -> None:
    first = AGREEMENT.coordinators[0]
    assert author_of(AGREEMENT, first.account) == MessageAuthor(first.name, first.email, AGREEMENT.name)
    gone = author_of(AGREEMENT, "c.vertrokken")
    assert gone.name == "c.vertrokken"
    assert gone.email == first.email, "somebody reads the replies"


def test_the_words_are_never_a_template() -> None:
    author = MessageAuthor("{name}", "a@b.example", "{{ 7*7 }}")
    for language, hello in (("nl", "Beste {x},"), ("en", "Dear {x},")):
        text = message_text(author, "{x}", "Regel {0} {{ 7*7 }}\nen %s", language=language)
        assert text.startswith(f"{hello}\n\nRegel {{0}} {{{{ 7*7 }}}}\nen %s\n\n")
        assert "{name}\n" in text
        assert "a@b.example" in text
