"""The conversion's benchmark on a tiny screen: what it measures, and leaves nothing."""

import pathlib

import pytest

from gandl_jax import config
from gandl_jax.jobs.benchmark import conversion
from gandl_jax.prepared import prepared


def test_the_rate_is_of_what_came_after_the_first(monkeypatch):
    clock = conversion._Clock()
    times = iter([10.0, 12.0, 14.0])
    monkeypatch.setattr(conversion.time, "monotonic", lambda: next(times))
    clock.tick(5)
    assert clock.rate is None  # a few sites, all done before anyone looked
    clock.tick(6)
    clock.tick(2)
    assert clock.rate == (6 + 2) / (14 - 10)


def test_shards_go_where_the_prepared_screen_would(tmp_path):
    assert conversion._scratch_folder(str(tmp_path / "data" / "x")) == str(
        tmp_path / "data"
    )
    assert (tmp_path / "data").is_dir()  # a fresh clone has none
    assert conversion._scratch_folder("gs://bucket/data/x") is None


@pytest.mark.slow
def test_figures_of_a_tiny_screen(run, smoke_screen, tmp_path):
    assert run(tmp_path / "run", "--job=prepare") == 0
    out = tmp_path / "out"
    c = config.default()
    c.data.update(source_dir=str(smoke_screen.source), dir=str(out / "x"), workers=1)
    found = conversion.measure(c, sites=24, repeats=1)
    assert not list(out.iterdir())
    assert found["sites"] == 24 and found["workers"] == 1
    for name, rate in (("share_of_best", "sites_per_second"),):
        assert found[name] == pytest.approx(found[rate] / found[f"best_{rate}"])
    assert found["cpu_share_of_best"] == pytest.approx(
        found["best_cpu_ms_per_site"] / found["cpu_ms_per_site"]
    )
    pngs = sorted(pathlib.Path(smoke_screen.source).glob("images/*/*/*.png"))
    size = sum(path.stat().st_size for path in pngs) / len(pngs) * 5  # of a site
    assert found["read_mb_per_second"] == pytest.approx(
        size * found["sites_per_second"] / 1e6, rel=0.1
    )
    opened = prepared.open_prepared(str(smoke_screen.prepared))
    per_record = opened.length.mean() + 16  # with its frame
    assert found["bytes_per_source_byte"] == pytest.approx(per_record / size, rel=0.1)
    assert 50 < found["peak_rss_mb"] < 20_000
