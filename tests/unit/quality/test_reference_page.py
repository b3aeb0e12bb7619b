"""docs/rules.md says what the rules say."""

from pathlib import Path

from overstap.quality import reference_page, region_rulebook, rulebook

DOCS = Path(__file__).resolve().parents[3] / "docs" / "rules.md"


def test_the_handbook_is_up_to_date() -> None:
    assert DOCS.read_text(encoding="utf-8") == reference_page.markdown()


def test_the_handbook_has_every_rule_with_its_sentence() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for rule in [*rulebook.rules("2019.1"), *region_rulebook.severities()]:
        assert f"`{rule}`" in text
        assert rulebook.sentence(rule).nl in text
