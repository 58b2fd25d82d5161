"""The limit of converting: it ends, whatever the screen, and says what is wrong."""

import os
import re

import pytest

from gandl_jax.errors import InputError
from gandl_jax.prepared import conversion_limit, shards
from gandl_jax.raw import raw_images, screen


def raw_of(folder, spec):
    metadata = screen.read_metadata(spec, str(folder))
    kept, source = raw_images.present(
        spec, str(folder), metadata, missing="error", outside="refuse"
    )
    images = [path for row in raw_images.paths(spec, kept) for path in row]
    form = raw_images.common_format(source, images, spec.planes)
    return shards.Raw(spec, source, kept, form)


@pytest.mark.slow
def test_fewer_sites_than_cores(make_screen, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    spec, _ = make_screen(tmp_path / "raw", records=2)
    raw = raw_of(tmp_path / "raw", spec)
    found = conversion_limit.measure(raw, str(out), processes=3)
    assert sorted(os.listdir(out)) == ["limit-0", "limit-1"]
    assert found.sites_per_second > 0 and found.cpu_seconds_per_site > 0


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(0, id="while others wait"),
        pytest.param(-1, id="later", marks=pytest.mark.slow),
    ],
)
def test_a_truncated_image_is_named(make_screen, tmp_path, number):
    spec, _ = make_screen(tmp_path / "raw", records=4)
    bad = sorted((tmp_path / "raw").rglob("*.png"))[number]
    bad.write_bytes(bad.read_bytes()[:60])
    raw = raw_of(tmp_path / "raw", spec)  # its header is whole
    with pytest.raises(InputError, match=re.escape(f"{bad} cannot be used (trunc")):
        conversion_limit.measure(raw, str(tmp_path), processes=2)
