"""Whatever somebody types there is an answer: a dossier that can be written, or a message at a field."""

from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st

from overstap.clock import dutch_time, now
from overstap.oso.reading import read
from overstap.oso.writing import to_bytes
from overstap.typed.answers import taken_in
from overstap.typed.dossier import Maker, judged, made_dossier
from overstap.typed.form import FormFieldKind, form_of
from overstap.typed.view import shown

FORM = form_of(
    "2019.1",
    "POVO",
    frozenset({"toetsresultaten", "onderwijsondersteuning", "verzuim", "eindtoetsbo", "cijferlijsten"}),
)
TODAY = dutch_time(now()).date()
PATHS = sorted(path for path, one in FORM.fields.items() if one.kind is not FormFieldKind.FILE)
numbers = st.integers(min_value=0, max_value=70)


@st.composite
def answers(draw: st.DrawFn) -> list[tuple[str, str]]:
    found = []
    for _ in range(draw(st.integers(min_value=0, max_value=12))):
        path = draw(st.sampled_from(PATHS))
        while "[]" in path:
            path = path.replace("[]", f"[{draw(numbers)}]", 1)
        found.append((path, draw(texts)))
    return found


texts = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ("3 mei 2014", "1234ab", "Dorpsstraat 12a", "true", "7,5", "25/26", "99aa", "\u0663-5-2014", "=1+1")
    ),
    st.text(alphabet="0123456789-/. ,\u00b2\u0665", max_size=12),
)


@given(answers())
@example([("leerling/achternaam", "a\x00b\ufffe\ud800")])
@example([("#leerling/adreslijst/adres", "\u00b2"), ("leerling/adreslijst/adres[1]/plaats", "x")])
@example([("leerling/geboortedatum", "1 mei 0000")])
def test_whatever_is_typed_there_is_an_answer(given_answers: list[tuple[str, str]]) -> None:
    found: dict[str, str] = {}
    for step in FORM.steps:
        found |= taken_in(FORM, step, given_answers)
    dossier, faults = made_dossier(FORM, found, Maker("99AA00", UUID(int=7), TODAY), {})
    again = read(to_bytes(dossier))
    assert again.sender == "99AA00"
    findings = judged(FORM, dossier, faults, today=TODAY, expected=frozenset(), own_codes=frozenset())
    for one in findings:
        assert one.message
        assert not one.path or one.step
    for step in FORM.steps:
        shown(step, found, findings)
        once = taken_in(FORM, step, found.items())
        assert taken_in(FORM, step, once.items()) == once, "what was saved stays as it is when it is saved again"
