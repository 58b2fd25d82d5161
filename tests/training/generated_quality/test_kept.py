"""Rows are kept by what they are made from; those of steps that are gone go."""

from etils import epath

from gandl_jax import csv_files
from gandl_jax.training.generated_quality import kept


def made(state="a", **more):
    return {"state": state, **more}


def row(space, value=1.0):
    return {"space": space, "channel": "", "kernel_distance": value}


def test_rows_of_other_spaces_stay_while_the_state_is_the_same(tmp_path):
    folder = epath.Path(tmp_path) / "screen"
    kept.write(folder, 5, [row("random")], {"random": made()}, {"channels": ["DNA"]})
    kept.write(folder, 5, [row("classical")], {"classical": made()}, {})
    both = {"random": made(), "classical": made()}
    found = kept.rows_of(folder, 5, both)
    assert [one["space"] for one in found] == ["classical", "random"]
    assert kept.rows_of(folder, 5, {"random": made(images=9)}) == []
    assert kept.rows_of(folder, 6, both) == []
    kept.write(folder, 5, [row("random", 2.0)], {"random": made("b")}, {})
    assert [*kept.rows_of(folder, 5, {"random": made("b")})] == [row("random", 2.0)]
    assert kept.rows_of(folder, 5, {"classical": made()}) == [], "of another state"


def test_later_steps_and_damaged_files_are_forgotten(tmp_path):
    folder = epath.Path(tmp_path) / "screen"
    kept.drop_after(folder, 0)
    for step in (5, 10, 15):
        kept.write(folder, step, [row("random", step)], {"random": made()}, {})
    kept.drop_after(folder, 10)
    assert kept.steps(folder) == [5, 10]
    table = csv_files.read(folder / kept.TABLE)
    assert table["kernel_distance"].tolist() == ["5", "10"]
    (folder / "5.json").write_text("{}")
    assert kept.rows_of(folder, 5, {"random": made()}) == []
    kept.drop_after(folder, 5)
    assert kept.steps(folder) == [5]
