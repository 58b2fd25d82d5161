import pytest

from gandl_jax import modules, task_choice
from gandl_jax.errors import InputError

KNOWN = set(modules.names("tasks", "run"))


def test_all_tasks_are_asked_but_those_that_are_left_out():
    assert set(task_choice.names("all")) == KNOWN
    assert set(task_choice.names("all, -retrieval,-well_map")) == KNOWN - {
        "retrieval",
        "well_map",
    }
    assert task_choice.names("well_map,retrieval ") == ["well_map", "retrieval"]


def test_a_task_that_is_named_must_be_possible():
    assert task_choice.are_all("all,-retrieval") and task_choice.are_all(" all")
    assert not task_choice.are_all("retrieval")


@pytest.mark.parametrize("wanted", ["retrievel", "all,-retrievel", "-retrievel", ""])
def test_unknown_names_are_refused(wanted):
    with pytest.raises(InputError, match="there is no task"):
        task_choice.names(wanted)


def test_what_is_left_out_must_be_left_out_of_all():
    with pytest.raises(InputError, match="all,-retrieval"):
        task_choice.names("-retrieval")
