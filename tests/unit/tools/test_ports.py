import socket
from collections.abc import Iterator

import pytest

from overstap.errors import OverstapError
from overstap_tools.local import ports


@pytest.fixture(params=["127.0.0.1", "0.0.0.0"])  # noqa: S104
def taken(request: pytest.FixtureRequest) -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((request.param, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_is_not_free(taken: int) -> None:
    assert not ports.is_free(taken)


def test_the_usual_port_gives_way(taken: int) -> None:
    choice = ports.choose(taken, None, "Airflow")
    assert choice.is_moved
    assert ports.is_free(choice.port)


def test_a_free_usual_port_is_used() -> None:
    usual = ports.any_free()
    choice = ports.choose(usual, None, "Airflow")
    assert (choice.port, choice.is_moved) == (usual, False)


def test_a_port_that_the_user_asked_for_is_that_one_or_an_error(taken: int) -> None:
    wanted = ports.any_free()
    assert ports.choose(8080, wanted, "Airflow").port == wanted
    with pytest.raises(OverstapError, match=f"LOCAL-001.*{taken}"):
        ports.choose(8080, taken, "Airflow")
