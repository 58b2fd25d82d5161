"""How many images are wanted, and what cannot be had."""

import pytest

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.jobs.generate import wanted
from gandl_jax.methods.source import Source

SOURCE = Source(
    ("phase",), {"State": ("a", "b", "c")}, {"State": (7, 2, 5)}, records=14
)


def config(**options):
    made = configs.default("small_gan")
    made.generate.update(options)
    return made


def test_each_class_is_filled_up_to_the_largest():
    assert wanted.per_class(config(), SOURCE) == {"b": 5, "c": 2}
    assert wanted.per_class(config(classes=("a", "b")), SOURCE) == {"b": 5}
    all_alike = config(images_per_class=3)
    assert wanted.per_class(all_alike, SOURCE) == {"a": 3, "b": 3, "c": 3}


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(InputError, match="names 'd', of which .* never saw an image"):
        wanted.per_class(config(classes=("d",)), SOURCE)
    unseen = Source(("phase",), {"State": ("a", "b")}, {"State": (7, 0)})
    with pytest.raises(InputError, match="names 'b', of which .* never saw"):
        wanted.per_class(config(classes=("b",)), unseen)
    alike = Source(("phase",), {"State": ("a", "b")}, {"State": (4, 4)})
    with pytest.raises(InputError, match="all classes of State have 4 training"):
        wanted.per_class(config(), alike)
    with pytest.raises(InputError, match="drew by no class"):
        wanted.per_class(config(), Source(("phase",)))


def test_more_than_passes_is_refused_with_how_many_there_are():
    drawn, asked = {"a": 20, "b": 20}, {"a": 5, "b": 5}
    wanted.check_enough(config(), asked, drawn, {"a": 5, "b": 9})
    with pytest.raises(InputError, match="lets through 3 of 20 of 'b', where 5 are"):
        wanted.check_enough(config(), asked, drawn, {"a": 5, "b": 3})
