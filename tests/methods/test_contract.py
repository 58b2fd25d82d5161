"""The contract's page, its code and the methods that there are agree."""

import pathlib
import re

import pytest

from gandl_jax import config as configs
from gandl_jax import modules
from gandl_jax.methods import contract

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "contract.md").read_text()
METHODS = modules.names("methods", "Method")


def hooks(protocol):
    """Names that a protocol declares."""
    own = [name for name in vars(protocol) if not name.startswith("_")]
    return set(own) | set(protocol.__annotations__)


PROTOCOLS = {
    "Options": contract.Options,
    "Required": contract.Required,
    "Optional": contract.Optional,
    "Weights": contract.Weights,
    "Diagnosis": contract.Diagnosis,
    "Panels": contract.Panels,
    "SamplePanels": contract.SamplePanels,
}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_hook_of_the_code_is_on_the_page(name):
    for hook in hooks(PROTOCOLS[name]):
        assert re.search(rf"`(\w+\.)?{hook}\b", PAGE), hook


def test_every_hook_on_the_page_is_in_the_code():
    tables = re.findall(r"^\| (`[^|]*) \|", PAGE, re.MULTILINE)
    named = set(re.findall(r"`(\w+)(?:\(|`)", " ".join(tables))) - {"Method"}
    known = set().union(*map(hooks, PROTOCOLS.values())) | {"Method"}
    assert named - known == set()


@pytest.mark.parametrize("name", METHODS)
def test_methods_have_what_must_be_there(name):
    options = modules.part("methods", name, "options")
    optional = {"CITE", "LOWEST", "MORE_SETS", "MOVED", "REPLACED", "doubt"}
    assert [
        n for n in hooks(contract.Options) - optional if not hasattr(options, n)
    ] == []
    method = modules.load("methods", name).Method
    made = {"phases", "unit"}  # by __init__
    assert [n for n in hooks(contract.Required) - made if not hasattr(method, n)] == []
    assert options.LABELS in ("none", "optional", "needed")
    lowest = getattr(options, "LOWEST", ())
    known = configs.flatten(
        {"method": options.OPTIONS, "model": options.MODEL | {"dtype": 0}}
    )
    assert {*options.ARCHITECTURE, *options.FREE, *lowest} - set(known) == set()


@pytest.mark.parametrize("name", METHODS)
def test_modules_beside_it_have_all_their_hooks(name):
    for part, protocol in (
        ("weights", contract.Weights),
        ("diagnosis", contract.Diagnosis),
        ("panels", contract.Panels),
    ):
        found = modules.part("methods", name, part)
        if found is not None:
            assert [n for n in hooks(protocol) if not hasattr(found, n)] == [], part
