"""No score of records whose labels its encoder learnt is without its mark."""

import warnings

import numpy as np
import pandas as pd
import pytest

from gandl_jax.judging import task_tables
from gandl_jax.profiles import held_out
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.profiles.seen import Seen
from gandl_jax.tasks import (
    batch_effects,
    cell_model_classification,
    choice,
    control_classification,
    dose_response,
    drug_control,
    drug_similarity,
    efficacy,
    label_classification,
    marks,
    nested,
    ranking,
    retrieval,
    well_map,
)
from gandl_jax.tasks.skip import LeftOut

OPTIONS = {
    "normalize": "standard",
    "svm_c": 1.0,
    "bootstrap_unit": "well",
    "bootstrap_draws": 20,
    "seed": 0,
    "max_folds": 3,
    "repeats": 1,
    "label": "Mechanism",
    "controls": True,
    "features": "b8",
    "points": 10,
    "inner_folds": 2,
    "distances": ("euclidean",),
    "doses": "all",
}
KINDS = [(False, ""), (True, ""), (True, "X"), (None, None)]
SETS = ("gan@9/b8", "gan@0/b8", "intensity")
FLOORS = ("plate", "position")


def screen():
    """Two cell types with an experiment each, of 3 plates of 12 wells, 2 sites each."""
    wells = []
    for experiment, cells in enumerate(("HRCE", "VERO")):
        for plate in range(3):
            for well in range(12):
                control = well < 6
                role = f"response_{well % 2}" if control else "treated"
                kind = "" if control else "abc"[well % 3]
                wells.append(
                    {
                        "Metadata_Experiment": f"E{experiment}",
                        "Metadata_Plate": str(plate),
                        "Metadata_Well": f"{'ABC'[well % 3]}{well // 3 + 1:02d}",
                        "Metadata_Cell_Type": cells,
                        "Metadata_Role": role,
                        "Metadata_Treatment": kind and f"{kind}{well // 9}",
                        "Metadata_Mechanism": kind,
                        "Metadata_Concentration_uM": np.nan if control else 10.0**plate,
                    }
                )
    sites = pd.DataFrame(wells).loc[np.repeat(np.arange(len(wells)), 2)]
    sites = sites.reset_index(drop=True)
    names = [f"r{i}" for i in range(len(sites))]
    return sites.assign(Metadata_Record_ID=names, Metadata_Site=["1", "2"] * len(wells))


def random_sets(metadata, rng):
    """Sets of noise; what the first saw differs by plate, well or record."""
    unit = rng.choice(["Metadata_Plate", "Metadata_Well", "Metadata_Record_ID"])
    key = metadata["Metadata_Experiment"] + metadata[unit]
    codes, names = pd.factorize(key)
    kinds = rng.choice(len(KINDS), len(names), p=rng.dirichlet([0.5] * len(KINDS)))
    seen = {
        "gan@9/b8": Seen.from_pairs([KINDS[kinds[code]] for code in codes]),
        "gan@0/b8": Seen.alike(len(metadata), False),
        "intensity": Seen.alike(len(metadata), False),
    }
    metadata = held_out.add_column(metadata, seen.values())
    draw = rng.normal(size=(len(SETS), len(metadata), 3)).astype(np.float32)
    draw[:, :, 0] += 2 * (metadata["Metadata_Role"] == "response_1").to_numpy()
    return metadata, {
        name: FeatureSet(name, metadata, x, seen[name])
        for name, x in zip(SETS, draw, strict=True)
    }


def entering(row, metadata):
    """[N] bool: the records that enter a row, as pandas tells them."""
    role, cells = metadata["Metadata_Role"], metadata["Metadata_Cell_Type"]
    own = cells == row.get("group", "all") if row.get("group") != "all" else cells != ""
    task = row["task"]
    if task == "well_map":
        return cells != ""
    if task == "retrieval":
        of_control = role.str.startswith("response")
        return own & ((role == "treated") | (of_control & (row["kind"] == "replicate")))
    if task in ("dose_response", "efficacy"):
        return own & (metadata["Metadata_Experiment"] == row["experiment"])
    if row.get("split") == "held_out":
        own = own & (metadata[held_out.COLUMN] == "test")
    if task == "drug_similarity":  # controls normalise, or are compared with
        return own
    judged = {
        "control_classification": role.str.startswith("response"),
        "label_classification": metadata["Metadata_Mechanism"] != "",
        "cell_model_classification": cells != "",
        "batch_effects": role == "response_0",
        "drug_control": role.isin(["treated", "response_0"]),
    }[task]
    return own & judged


def rows_of(task, metadata, sets):
    wanted = {
        control_classification: ("plate",),
        label_classification: ("plate",),
        cell_model_classification: ("plate",),
        drug_control: ("plate",),
    }
    options = OPTIONS | {"splits": wanted.get(task, ())}
    if task is drug_control:  # by roles
        options |= {"label": "", "control": ""}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LeftOut)
        plan = task.splits(metadata, options) if hasattr(task, "splits") else []
        others = {key: value for key, value in options.items() if key != "splits"}
        return task.run(sets, plan, **others)


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(batch_effects, marks=pytest.mark.slow),
        cell_model_classification,
        control_classification,
        dose_response,
        drug_control,
        drug_similarity,
        efficacy,
        label_classification,
        retrieval,
        well_map,
    ],
    ids=lambda task: task.__name__.rpartition(".")[2],
)
def test_a_row_is_marked_where_a_label_of_its_test_records_was_learnt(task):
    rng, told = np.random.default_rng(0), set()
    for _ in range(4):
        metadata, sets = random_sets(screen(), rng)
        rows = rows_of(task, metadata, sets)
        assert rows
        for row in rows:
            if row["set"] in FLOORS:
                assert row[marks.LABELS] is False and row[marks.IMAGES] is False
                continue
            own = sets[row["set"]].seen.take(entering(row, metadata).to_numpy())
            learnt = any(bool(labels) for labels in own.labels)
            unknown = any(labels is None for labels in own.labels)
            assert row[marks.LABELS] is (learnt or (None if unknown else False)), row
            saw = any(image is True for image in own.images)
            unknown = any(image is None for image in own.images)
            assert row[marks.IMAGES] is (saw or (None if unknown else False))
            told.add(row[marks.LABELS])
        if any(row[marks.LABELS] for row in rows):
            text = task_tables.text({rows[0]["task"]: rows}, "b8")
            assert marks.WORDS in text
        if task is batch_effects and held_out.COLUMN in metadata:
            _, _, *lines = task.table(rows).splitlines()
            keys = ("group", "label", "normalize", "split")
            assert len(lines) == len({tuple(row[key] for key in keys) for row in rows})
    assert True in told and False in told


def test_what_is_chosen_and_recommended_learnt_nothing_of_what_it_is_judged_on():
    rng = np.random.default_rng(1)
    options = OPTIONS | {"normalize": ("standard",), "svm_c": (1.0,)}
    for share in (0.0, 0.4, 1.0):
        metadata = screen()
        metadata = metadata[metadata["Metadata_Cell_Type"] == "HRCE"]
        metadata = metadata.reset_index(drop=True)
        drawn = rng.random(len(metadata)) < share
        seen = Seen.from_pairs([(True, "X") if x else (True, "") for x in drawn])
        roles = (metadata["Metadata_Role"] == "response_1").to_numpy()
        sets = {
            "gan@9/b8": FeatureSet(
                "gan@9/b8", metadata, np.stack([roles, roles], 1).astype("f4"), seen
            ),
            "intensity": FeatureSet(
                "intensity",
                metadata,
                rng.normal(size=(len(metadata), 2)).astype("f4"),
                Seen.alike(len(metadata), False),
            ),
        }
        asked = {**options, "splits": ("plate",)}
        (question,) = nested.plan(control_classification, metadata, asked)
        rows, table = choice.choose(sets, metadata, question, asked, lambda n: None)
        judged = metadata["Metadata_Role"].str.startswith("response")
        learnt = bool((drawn & judged).any())
        marked = {row["set"]: row[marks.LABELS] for row in rows}
        assert marked["gan@9/chosen"] is learnt and marked["intensity"] is False
        assert {row[marks.LABELS] for row in table if row["set"] != "intensity"} == {
            learnt
        }
        best = ranking.recommendation("control_classification", table)
        assert best["set"] == ("intensity" if learnt else "gan@9/b8")
        assert ("passed over" in best["note"]) is learnt
        assert (marks.WORDS in ranking.text(table)) is learnt
        only = [row for row in table if row["set"] == "gan@9/b8"]
        none = ranking.recommendation("control_classification", only)
        assert (none is None) is learnt


def test_rows_of_a_task_that_marks_none_are_as_of_all_records():
    metadata, sets = random_sets(screen(), np.random.default_rng(5))
    sets["gan@9/b8"] = FeatureSet(
        "gan@9/b8",
        metadata,
        sets["gan@9/b8"].features,
        Seen.from_pairs([(True, "X"), *[(False, "")] * (len(metadata) - 1)]),
    )
    rows = [{"set": "gan@9/b8"}, {"set": "intensity"}, {"set": "plate"}, {"value": 1}]
    found = marks.complete([*rows, {"set": "gan@9/b8", marks.LABELS: False}], sets)
    assert [row[marks.LABELS] for row in found] == [True, False, False, True, False]
    assert found[0] == {"set": "gan@9/b8"} | {
        marks.IMAGES: True,
        marks.SCREEN: True,
        marks.LABELS: True,
    }
