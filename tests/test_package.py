"""What `import gandl_jax` costs and offers."""

import json
import subprocess
import sys

import pytest

import gandl_jax as gj

LIGHT = """
import json, sys, time
begun = time.process_time()
import gandl_jax
spent = time.process_time() - begun
print(json.dumps([spent, sorted(sys.modules)]))
"""
HEAVY = {"jax", "flax", "pandas", "tensorflow", "sklearn", "matplotlib", "scipy"}


def test_importing_it_is_light():
    run = [sys.executable, "-c", LIGHT]
    spent, names = json.loads(subprocess.run(run, capture_output=True).stdout)
    assert spent < 0.3  # seconds of a core
    assert not HEAVY & {name.partition(".")[0] for name in names}


def test_what_it_offers_is_listed_and_there():
    for name in gj._OFFERED:
        assert name in dir(gj) and getattr(gj, name).__doc__
    with pytest.raises(AttributeError, match="has no attribute 'embedd'"):
        gj.embedd  # noqa: B018


def test_profiles_is_the_function_whatever_was_imported():
    from gandl_jax.profiles import store

    assert callable(gj.profiles) and store.__name__ == "gandl_jax.profiles.store"
    assert gj.profiles.__module__ == "gandl_jax.api.workdirs"
