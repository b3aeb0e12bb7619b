"""A number and its noun agree, in every sentence that a coordinator reads about agreements."""

import pytest

from overstap.texts import Count, texts, with_counts


@pytest.mark.parametrize(("number", "said"), [(0, "0 bestanden"), (1, "1 bestand"), (2, "2 bestanden")])
def test_a_noun_agrees_with_its_number(number: int, said: str) -> None:
    assert f"{Count(number):bestand|bestanden}" == said


def test_a_count_is_a_number_otherwise() -> None:
    assert f"{Count(7)} {Count(7):03d}" == "7 007"
    assert with_counts({"count": 1, "name": "1", "is_late": True}) == {"count": 1, "name": "1", "is_late": True}
    assert type(with_counts({"is_late": True})["is_late"]) is bool


@pytest.mark.parametrize("name", ["agreements/rehearsed", "agreements/rehearsal"])
def test_no_number_of_one_stands_before_a_plural(name: str) -> None:
    class One(dict):
        def __missing__(self, key: str) -> Count:
            return Count(1)

    sentences = texts(name)
    for said in {**sentences, **sentences.get("events", {})}.values():
        for text in (said[language] for language in ("nl", "en") if language in said):
            plain = text.format_map(One())
            for plural in (
                "dossiers",
                "scholen",
                "leerlingen",
                "regels",
                "dagen",
                "schools",
                "pupils",
                "lines",
                "days",
            ):
                assert f"1 {plural}" not in plain, plain
