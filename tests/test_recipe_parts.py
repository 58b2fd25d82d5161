"""Parts of a screen: whole groups, a third of them, alike in their labels."""

import numpy as np
import pandas as pd
import pytest

from gandl_jax import recipe_parts


@pytest.mark.parametrize("frac", [0.1, 0.25, 1 / 3, 0.5, 0.8])
def test_groups_of_each_class_are_dealt_in_the_same_share(frac):
    """Treatments have one class each: of n groups frac n are aside, to rounding."""
    sizes = {0: 40, 1: 13, 2: 5, 3: 2, 4: 1}
    groups = [(c, f"{c}-{g}") for c, n in sizes.items() for g in range(n)]
    labels = np.repeat([c for c, _ in groups], 3)
    of = np.repeat([name for _, name in groups], 3)
    aside = recipe_parts.deal(labels, of, frac, seed=3)
    for name in of:
        assert len(set(aside[of == name])) == 1
    for c, n in sizes.items():
        own = len(set(of[aside & (labels == c)]))
        wanted = np.clip(frac * n, min(1, n - 1), n - 1)
        assert abs(own - wanted) <= 0.5 + 1e-9, (c, own)


def test_groups_of_several_classes_are_dealt_evenly_too():
    rng = np.random.default_rng(0)
    of = np.repeat(np.arange(60).astype(str), 9)
    share = (0.5, 0.3, 0.15, 0.05)
    labels = rng.choice(4, size=len(of), p=share)
    aside = recipe_parts.deal(labels, of, 0.3, seed=1)
    for c in range(4):
        every, own = set(of[labels == c]), set(of[aside & (labels == c)])
        assert abs(len(own) / len(every) - 0.3) < 0.07


def made_up(seed):
    """60 groups of 9 records of 4 unequal classes, in random order."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"Metadata_Record_ID": np.arange(540).astype(str)})
    table["Metadata_Donor"] = np.repeat([f"d{i}" for i in range(60)], 9)
    table["Metadata_Class"] = rng.choice(list("abcd"), 540, p=(0.6, 0.3, 0.08, 0.02))
    return table


@pytest.mark.parametrize("group", ["Metadata_Donor", ""])
def test_a_rule_deals_whole_groups_whatever_the_order_of_the_rows(group):
    table = made_up(3)
    rule = recipe_parts.Rule(label="Metadata_Class", group=group)
    part = rule.part(table)
    assert set(part) == {"choosing", "reporting"}
    of = table[group or "Metadata_Record_ID"]
    assert (pd.Series(part).groupby(of).nunique() == 1).all()
    dealt = pd.Series(part).groupby(of).first()
    assert abs((dealt == "choosing").mean() - 1 / 3) < 0.05
    sides = pd.crosstab(table["Metadata_Class"], part)
    assert (sides > 0).all(axis=None)
    mixed = np.random.default_rng(0).permutation(len(table))
    np.testing.assert_array_equal(rule.part(table.iloc[mixed]), part[mixed])


def test_parts_are_told_by_their_words():
    table = pd.DataFrame({"Metadata_Part": ["choosing", "reporting", "choosing"]})
    assert recipe_parts.is_choosing(table).tolist() == [True, False, True]
    assert recipe_parts.is_choosing(table.rename(columns=str.lower)) is None
    of_a_body = pd.DataFrame({"Metadata_Part": ["choosing", "head"]})
    assert recipe_parts.is_choosing(of_a_body) is None
