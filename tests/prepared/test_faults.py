"""Faults of single files; tests/jobs/test_verify.py damages whole screens."""

import hashlib

from gandl_jax.prepared import faults


def wanted(**contents):
    """A manifest's files, of these contents."""
    return {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        for name, data in contents.items()
    }


def test_a_file_is_told_by_its_bytes(tmp_path):
    files = wanted(one=b"first", other=b"second")
    path = tmp_path / "one"
    fault, holds = faults.check_file(str(tmp_path), "one", files)
    assert fault.what == "is gone" and holds == ""
    path.write_bytes(b"first")
    assert faults.check_file(str(tmp_path), "one", files) == (None, "one")
    path.write_bytes(b"second")
    fault, holds = faults.check_file(str(tmp_path), "one", files)
    assert fault.what == "holds what other should hold" and holds == "other"
    path.write_bytes(b"fir")
    fault, holds = faults.check_file(str(tmp_path), "one", files)
    assert fault.what == "has 3 bytes, not 5" and holds == "one"


def test_a_file_that_cannot_be_read_is_a_fault_and_no_end(tmp_path):
    (tmp_path / "one").mkdir()
    fault, holds = faults.check_file(str(tmp_path), "one", wanted(one=b"first"))
    assert fault.what.startswith("cannot be read: ") and holds == ""


def test_surplus_shards_only(tmp_path):
    for name in ("a.tfrecord-0", "b.tfrecord-0", "screen.json", "facts"):
        (tmp_path / name).touch()
    (fault,) = faults.surplus(str(tmp_path), {"a.tfrecord-0": {}})
    assert fault.shard == "b.tfrecord-0"
