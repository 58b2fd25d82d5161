"""Processes of their own: what comes back from one, and from one that was ended."""

import functools
import os

import pytest

from gandl_jax import config as configs
from gandl_jax.errors import RunError
from gandl_jax.jobs.benchmark import fresh_process


def evaluated(expression):
    """A function of a config that another process can be given."""
    return functools.partial(eval, expression, {})


def test_another_process_has_the_config_and_gives_its_result():
    config = configs.default()
    config.seed = 5
    seed, process = fresh_process.call(
        evaluated("seed, __import__('os').getpid()"), config
    )
    assert seed == 5 and process != os.getpid()


def test_a_process_that_was_ended_is_told():
    with pytest.raises(RunError, match="ended from outside.*smaller"):
        fresh_process.call(evaluated("__import__('os')._exit(9)"), configs.default())
