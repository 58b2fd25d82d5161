import pytest

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.training import for_screen


@pytest.fixture
def config(tmp_path):
    config = configs.default("classifier")
    config.data.update(name="rxrx19a", dir=str(tmp_path), label="Treatment,Condition")
    return config


def test_classes_of_a_screen_that_is_not_prepared_can_be_assumed(config):
    config.plan.classes = 1_108
    source = for_screen.source(config)
    assert list(source.classes) == ["Treatment", "Condition"]
    assert [len(set(names)) for names in source.classes.values()] == [1_108] * 2
    assert len(source.channels) == 5
    config.data.label_values = ("a", "b", "c")  # then they are known
    assert for_screen.source(config).classes["Condition"] == ("a", "b", "c")


def test_classes_that_nothing_tells_are_asked_for(config):
    with pytest.raises(InputError, match="--config.plan.classes=10"):
        for_screen.source(config)
