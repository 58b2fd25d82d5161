"""Embedding: every record once, tiles averaged, finished parts kept."""

import numpy as np
import pandas as pd
import pytest

from gandl_jax.datasets import prepared, stream
from gandl_jax.errors import InputError
from gandl_jax.jobs import embed
from gandl_jax.profiles import store


def test_tiles_of_a_record_are_averaged_across_batches():
    x = np.arange(8, dtype=np.float32).reshape(4, 2)
    batches = [
        (np.array([7, 7, 9]), {"a": np.vstack([x[:3], [[99, 99]]])}, [1, 1, 1, 0]),
        (np.array([9]), {"a": x[3:]}, [1]),
    ]
    rows, sets = embed.mean_over_tiles((r, s, np.array(m, bool)) for r, s, m in batches)
    assert rows.tolist() == [7, 9]
    np.testing.assert_allclose(sets["a"], [(x[0] + x[1]) / 2, (x[2] + x[3]) / 2])


@pytest.mark.parametrize(
    "wanted, chosen",
    [(("first", "last"), [0, 30]), (("last",), [30]), (("10", "last"), [10, 30])],
)
def test_steps_are_chosen_by_name_or_number(wanted, chosen):
    assert embed.choose_steps(wanted, [0, 10, 30]) == chosen


def test_unknown_steps_are_told():
    with pytest.raises(InputError, match="no checkpoint '20'"):
        embed.choose_steps(("20",), [0, 10])
    with pytest.raises(InputError, match="--job=train"):
        embed.choose_steps(("last",), [])


def test_every_record_is_embedded_once_and_a_lost_part_is_made_again(
    run, tmp_path, smoke_screen, capsys
):
    jobs = "--job=prepare,train,embed"
    settings = ("--config.train.total_images=32", "--config.embed.steps=last")
    assert run(tmp_path, jobs, *settings) == 0
    dataset = prepared.open_prepared(str(smoke_screen.prepared))
    folder = tmp_path / "profiles" / "simulated"
    sets = store.read(folder / "gan@1")
    ids = sets["b8"].metadata["Metadata_Site_ID"]
    assert sorted(ids) == sorted(dataset.table["Metadata_Site_ID"])
    assert {"b8", "first_dense", "last_map"} <= set(sets)
    assert sets["last_map"].features.shape == (dataset.records, 16 * 8)

    plain = pd.read_parquet(folder / "gan@1")
    width = sets["b8"].features.shape[1]
    columns = plain[[f"b8__{i}" for i in range(width)]]
    np.testing.assert_array_equal(columns, sets["b8"].features)

    row, site = next(stream.sites(dataset, 0, dataset.channels))
    pixels = site.reshape(-1, 5) / 255
    mine = store.read(folder / "intensity")["intensity"]
    at = list(mine.metadata["Metadata_Site_ID"]).index(
        dataset.table["Metadata_Site_ID"][row]
    )
    expected = np.concatenate([pixels.mean(0), pixels.std(0)])
    np.testing.assert_allclose(mine.features[at], expected, rtol=1e-5)

    part = folder / "gan@1" / "part-00000.parquet"
    content = part.read_bytes()
    part.unlink()
    assert run(tmp_path, "--job=embed", *settings) == 0
    assert part.read_bytes() == content
