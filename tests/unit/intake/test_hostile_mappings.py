"""Mapping files that a school made by hand to harm its region, and hostile names that go out and come back."""

from pathlib import Path

import pytest

from overstap.errors import OverstapError
from overstap.intake.mappings.loading import read_mapping
from overstap.intake.mappings.model import Mapping
from overstap.intake.mappings.writing import to_yaml

HEAD = "name: x\ntitle: x\nversion: 1\nabout: dossiers\n"
LAYERS = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
"""A hundred milliard texts in a kilobyte, for whoever walks through them."""
HOSTILE = {
    "layers as columns": f"{LAYERS}{HEAD}columns: *a11\n",
    "layers as a column's codes": f"{LAYERS}{HEAD}columns: {{k: {{field: leerling/bsn, codes: *a11}}}}\n",
    "layers as constants": f"{LAYERS}{HEAD}constants: {{k: *a11}}\n",
    "layers as open": f"{LAYERS}{HEAD}open: {{k: *a11}}\n",
    "layers beside all": f"{LAYERS}{HEAD}",
    "itself": f"{HEAD}columns: &a {{k: *a}}\n",
    "itself as open": f"{HEAD}open: &a {{k: *a}}\n",
    "deep": f"{HEAD}columns: {'{a: ' * 20_000}1{'}' * 20_000}\n",
    "a program": f"{HEAD}columns: !!python/object/apply:os.system ['true']\n",
    "another tag": f"{HEAD}columns: !binary 'eA=='\n",
    "two documents": f"{HEAD}---\n{HEAD}",
    "a long number": f"{HEAD}oso: {'9' * 50_000}\n",
    "a day that is none": f"{HEAD}oso: 2027-02-31\n",
    "no text": "\x00\xff",
    "nothing": "",
    "a list": "[]",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_refused_by_its_code_and_repeats_nothing(tmp_path: Path, what: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(HOSTILE[what], encoding="latin-1")
    with pytest.raises(OverstapError, match="INTAKE-101") as told:
        read_mapping(path)
    assert len(str(told.value)) < 2_000


@pytest.mark.parametrize(
    "name",
    [
        "naam\n- x: !!python/object/apply:os.system ['true']",
        "# naam",
        "a: b",
        "{{ conn.x }} ${x} %(x)s",
        "<script>",
        "=cmd|'/C calc'!A0",
        "*a",
        "&a",
        "!!str",
        "yes",
        "null",
        "1e3",
        "---",
        "\u202emaan",
        "a" * 200,
    ],
)
def test_a_hostile_name_goes_out_as_text_and_comes_back_as_the_same(tmp_path: Path, name: str) -> None:
    field = "huidigeschool/leerling/leerlingid"
    made = Mapping.model_validate(
        {
            "name": "x",
            "title": "x",
            "version": 1,
            "about": "dossiers",
            "columns": {name.strip(): {"field": field}},
        }
    )
    path = tmp_path / "x.yaml"
    path.write_text(to_yaml(made), encoding="utf-8")
    assert read_mapping(path) == made
