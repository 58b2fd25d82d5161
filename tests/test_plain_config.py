"""A config that is only read: as the other kind of config has it."""

import pytest

from gandl_jax import config as configs
from gandl_jax import modules, plain_config
from gandl_jax.errors import InputError


@pytest.mark.parametrize("method", modules.names("methods", "Method"))
def test_every_key_is_there_as_an_attribute(method):
    config = configs.default(method)
    plain = plain_config.read({"method.name": method}, origin="a file")
    for key, value in configs.flatten(config).items():
        *groups, last = key.split(".")
        found = plain
        for group in groups:
            found = found[group]
        assert found[last] == getattr(found, last) == value


def test_stored_values_go_before_defaults():
    stored = {"method.name": "gan", "model.latent_dim": 7, "embed.steps": ["3"]}
    found = plain_config.read(stored, origin="a file")
    assert found.model.latent_dim == 7 and found.embed.steps == ("3",)


def test_what_a_later_version_wrote_is_refused():
    with pytest.raises(InputError, match="net sets model.novel, which .* not know"):
        plain_config.read({"method.name": "gan", "model.novel": 1}, origin="net")
    with pytest.raises(InputError, match="there is no method 'gann'.*'gan'"):
        plain_config.read({"method.name": "gann"}, origin="net")
