"""Names of sets that are several sets side by side."""

from gandl_jax.profiles import joined

KNOWN = ("gan@9/b8", "gan@9/b16", "gan@9/a+b", "gan@0/b8", "classical", "intensity")


def test_parts_are_sets_of_the_encoder_and_floors():
    assert joined.parts("gan@9/b8+b16", KNOWN) == ("gan@9/b8", "gan@9/b16")
    found = joined.parts("gan@9/b16+classical+intensity", KNOWN)
    assert found == ("gan@9/b16", "classical", "intensity")
    assert joined.parts("gan@0/b8+classical", KNOWN) == ("gan@0/b8", "classical")


def test_stored_sets_and_missing_parts_are_not_joined():
    assert joined.parts("gan@9/a+b", KNOWN) == ()  # a name that has a plus itself
    assert joined.parts("gan@9/b8", KNOWN) == joined.parts("gan@9/", KNOWN) == ()
    assert joined.parts("gan@0/b8+b16", KNOWN) == ()  # of which gan@0 has no b16
    assert joined.parts("classical", KNOWN) == ()


def test_short_names_are_told_apart():
    assert joined.short_parts("b8+classical", ("b8",)) == ["b8", "classical"]
    assert joined.short_parts("a+b", ("a+b", "a")) == ["a+b"]
    assert joined.floors_of("b8+classical") == ["classical"]
    assert joined.floors_of("classical") == joined.floors_of("b8+b16") == []
