"""Feature sets of which nothing but a note was made."""

import pytest

from gandl_jax.profiles import empty_sets


@pytest.mark.parametrize(
    "files, kept",
    [
        ([], []),
        (["a/gan@0/_made_from.json"], []),
        (["a/gan@0/_made_from.json", "a/gan@0/.part-00000.parquet.partial"], []),
        (["a/x/_made_from.json", "b/y/part-0.parquet"], ["b/y/part-0.parquet"]),
        (["a/x/_made_from.json", "a/x/notes.txt"], None),
        (["a/x/_made_from.json", "a/x/part-00000.parquet"], None),
    ],
)
def test_only_what_no_part_was_made_of_goes(files, kept, tmp_path):
    for name in files:
        path = tmp_path / "profiles" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    empty_sets.drop(tmp_path)
    left = [p for p in sorted(tmp_path.rglob("*")) if p.is_file()]
    names = [str(p.relative_to(tmp_path / "profiles")) for p in left]
    assert names == sorted(files if kept is None else kept)
    assert all(any(p.iterdir()) for p in tmp_path.rglob("*") if p.is_dir())
