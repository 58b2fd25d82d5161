"""Screens and workdirs on gs://, against an emulator on loopback instead of Google."""

import io
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import zipfile

import numpy as np
import pandas as pd
import pytest

HERE = pathlib.Path(__file__).parent
RECORDS = 6


class Bucket:
    """Reads and writes objects by plain HTTP, with nothing of ours; runs jobs."""

    def __init__(self, folder: pathlib.Path):
        self.url = f"http://127.0.0.1:{(folder / 'port').read_text()}"
        self._http = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")},
            "https_proxy": self.url,
            "CURL_CA_BUNDLE": str(folder / "ca.pem"),
            "GOOGLE_AUTH_TOKEN_FOR_TESTING": "none",
            "NO_GCE_CHECK": "true",
            "TENSORSTORE_GCS_HTTP_URL": self.url,
            "STORAGE_EMULATOR_HOST": self.url,
        }

    def put(self, name: str, data: bytes) -> None:
        query = urllib.parse.urlencode({"uploadType": "media", "name": name})
        url = f"{self.url}/upload/storage/v1/b/bucket/o?{query}"
        self._http.open(urllib.request.Request(url, data), timeout=60).close()

    def get(self, name: str) -> bytes:
        path = urllib.parse.quote(name, safe="")
        url = f"{self.url}/download/storage/v1/b/bucket/o/{path}?alt=media"
        with self._http.open(url, timeout=60) as answer:
            return answer.read()

    def names(self, prefix: str) -> set[str]:
        """Objects below a folder, named from there; no placeholders of folders."""
        query = urllib.parse.urlencode({"prefix": prefix})
        url = f"{self.url}/storage/v1/b/bucket/o?{query}"
        with self._http.open(url, timeout=60) as answer:
            found = json.load(answer)["items"]
        names = {one["name"].removeprefix(prefix) for one in found}
        return {name for name in names if name and not name.endswith("/")}

    def run(self, config: str, source, data, workdir, jobs: str, *, code=0) -> str:
        command = [
            *(sys.executable, "-m", "gandl_jax.main", f"--config={config}:smoke"),
            *(f"--config.data.source_dir={source}", f"--config.data.dir={data}"),
            *(f"--workdir={workdir}", f"--job={jobs}", "--config.train.devices=1"),
        ]
        done = subprocess.run(
            command,
            cwd=HERE.parent,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=500,
        )
        assert done.returncode == code, done.stdout
        return done.stdout


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    for library in ("gcp_storage_emulator", "trustme"):
        pytest.importorskip(library, reason=f"{library} is not installed: no emulator")
    folder = tmp_path_factory.mktemp("emulator")
    command = [sys.executable, str(HERE / "cloud_emulator.py"), str(folder)]
    with (folder / "log").open("w") as log:
        emulator = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        for _ in range(300):
            if (folder / "port").exists() or emulator.poll() is not None:
                break
            time.sleep(0.1)
        assert (folder / "port").exists(), (folder / "log").read_text()
        yield Bucket(folder)
    finally:
        emulator.kill()
        emulator.wait()


@pytest.fixture(scope="module")
def raw(rxrx19a_files) -> dict[str, bytes]:
    """A screen in RxRx19a's form: path to bytes."""
    return rxrx19a_files(RECORDS)


def shards(files: dict[str, bytes]) -> dict[str, bytes]:
    found = {name: data for name, data in files.items() if ".tfrecord-" in name}
    assert found
    return found


@pytest.fixture(scope="module")
def converted(bucket, raw, tmp_path_factory) -> dict[str, bytes]:
    """The shards of the screen, made on the disk."""
    folder = tmp_path_factory.mktemp("local")
    for path, data in raw.items():
        (folder / "raw" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "raw" / path).write_bytes(data)
    places = folder / "raw", folder / "prepared", folder / "w"
    bucket.run("configs/rxrx19a.py", *places, "prepare")
    files = [path for path in (folder / "prepared").iterdir() if path.is_file()]
    return shards({path.name: path.read_bytes() for path in files})


def convert(bucket, name) -> dict[str, bytes]:
    places = (f"gs://bucket/{name}/{part}" for part in ("raw", "prepared", "w"))
    told = bucket.run("configs/rxrx19a.py", *places, "prepare,verify")
    assert f"all {RECORDS} records are as prepared" in told
    there = bucket.names(f"{name}/prepared/")
    assert not [path for path in there if "partial" in path]
    return shards({path: bucket.get(f"{name}/prepared/{path}") for path in there})


@pytest.mark.slow
def test_archives_in_a_bucket_give_the_shards_of_loose_files(bucket, raw, converted):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in raw.items():
            archive.writestr(f"top/{path}", data)
    bucket.put("zip/raw/screen.zip", packed.getvalue())
    assert convert(bucket, "zip") == converted


@pytest.mark.slow
def test_a_bucket_that_is_not_there(bucket, tmp_path):
    places = tmp_path / "raw", "gs://gone/prepared", tmp_path / "w"
    told = bucket.run("configs/demo.py", *places, "prepare", code=2)
    assert told.splitlines()[-1].endswith("there is no bucket gs://gone; make it first")


@pytest.mark.slow
def test_loose_files_in_a_bucket_give_the_shards_of_a_disk(bucket, raw, converted):
    for path, data in raw.items():
        bucket.put(f"loose/raw/{path}", data)
    assert convert(bucket, "loose") == converted


@pytest.mark.slow
def test_a_chain_in_a_bucket_finds_what_one_on_a_disk_finds(bucket, tmp_path):
    def chain(root):
        places = (f"{root}/{part}" for part in ("raw", "prepared", "w"))
        return bucket.run("configs/demo.py", *places, jobs)

    jobs = "prepare,verify,train,embed,evaluate,report"
    chain("gs://bucket/chain")
    chain(tmp_path)

    def both(path):
        return bucket.get(f"chain/w/{path}"), (tmp_path / "w" / path).read_bytes()

    local = [path for path in (tmp_path / "w").rglob("*") if path.is_file()]
    local = {path.relative_to(tmp_path / "w").as_posix() for path in local}
    parts = sorted(path for path in local if path.endswith(".parquet"))
    assert len(parts) == 6
    for path in parts:
        there, here = (pd.read_parquet(io.BytesIO(data)) for data in both(path))
        pd.testing.assert_frame_equal(there, here)
    metrics = [
        [json.loads(line) for line in data.decode().splitlines()]
        for data in both("metrics.jsonl")
    ]
    steps, losses = (
        [[line[k] for line in m] for m in metrics] for k in ("step", "d/loss")
    )
    assert steps[0] == steps[1] and len(steps[0]) >= 4
    np.testing.assert_allclose(*losses, rtol=1e-4)
    there = bucket.names("chain/w/")
    for part in ("tensorboard/events.", "checkpoints/0/", "checkpoints/5/"):
        assert any(path.startswith(part) for path in there)
    assert {p for p in local if p.startswith(("report", "tasks", "images"))} <= there
    assert b"<svg" in bucket.get("chain/w/report/index.html")

    before = {path: bucket.get(f"chain/w/{path}") for path in parts}
    chain("gs://bucket/chain")
    assert {path: bucket.get(f"chain/w/{path}") for path in parts} == before
