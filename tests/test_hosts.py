"""Hosts: who they are, and that they meet, agree, wait and end together."""

import contextlib
import dataclasses
import http.server
import os
import re
import subprocess
import sys
import threading
import time

import pytest

from gandl_jax import hosts
from gandl_jax.errors import InputError

TALK = """
import json, sys, time
from gandl_jax import hosts

hosts.join()
place = hosts.index()
runs = []
print(json.dumps([place, hosts.count(), hosts.leads()]), file=sys.stderr)
value = hosts.once(lambda: runs.append(hosts.count()) or ["of", place])
assert value == ["of", 0] and runs == ([1] if place == 0 else []), (value, runs)
time.sleep(place)
before = time.monotonic()
hosts.meet()
waited = time.monotonic() - before
assert waited > 0.7 or place == 1, waited
nested = hosts.once(lambda: hosts.once(lambda: hosts.meet()))
assert nested is None
hosts.agree({"seed": 3, "channels": ("a", "b")})
sys.exit(hosts.leave(0))
"""
FAIL = """
import sys, time
from gandl_jax import hosts
from gandl_jax.errors import InputError

hosts.join()
if hosts.index() == 1:  # which is slow to leave
    end, hosts._end = hosts._end, lambda code: time.sleep(0.5) or end(code)
try:
    hosts.agree({"seed": 3, "batch": 8 * (1 + hosts.index())})
    time.sleep(120)
except InputError as error:
    print(error, file=sys.stderr)
    hosts.leave(2)
"""
ALONE = """
import sys
from gandl_jax import hosts

hosts.MEET_S = 2
hosts.join()
"""


@pytest.fixture
def unset(monkeypatch):
    for name in hosts.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def slurm(place, port):
    """What Slurm sets for two tasks on this machine."""
    return {
        "SLURM_JOB_ID": "1",
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_NTASKS": "2",
        "SLURM_PROCID": str(place),
        "SLURM_LOCALID": str(place),
        "JAX_COORDINATOR_PORT": str(port),
    }


def test_they_meet_under_slurm_wait_and_hear_the_first(two_hosts):
    ended = two_hosts.ends(two_hosts.start(["-c", TALK], slurm))
    for place, (code, output, errors) in enumerate(ended):
        assert code == 0, errors
        assert f"[{place}, 2, {'true' if place == 0 else 'false'}]" in errors
        assert ("2 have met" in output) == (place == 0)


def test_where_one_fails_all_end_at_once_with_its_code(two_hosts):
    began = time.monotonic()
    first, second = two_hosts.ends(two_hosts.start(["-c", FAIL]))
    assert time.monotonic() - began < 60
    assert first[0] == second[0] == 2
    assert "host 1 ended with 2: see what it says" in first[2]
    assert "batch is 16 on host 1 and 8 on host 0: run the same command" in second[2]


def test_who_waits_in_vain_is_told_where(two_hosts):
    port = two_hosts.free_port()
    done = subprocess.run(
        [sys.executable, "-c", ALONE],
        env=dict(os.environ, **two_hosts.variables(1, port)),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    address = f"127.0.0.1:{port}"
    assert f"did not all come to {address} within 2 s: start the same" in line


@pytest.mark.parametrize(
    "values, told",
    [
        ({0: "a:1"}, "set JAX_NUM_PROCESSES and JAX_PROCESS_ID too, or none"),
        ({1: "2", 2: "0"}, "set JAX_COORDINATOR_ADDRESS too"),
        ({0: "here", 1: "2", 2: "0"}, "JAX_COORDINATOR_ADDRESS=here should be HOST:P"),
        ({0: "a:1", 1: "two", 2: "0"}, "JAX_NUM_PROCESSES=two should be a whole"),
        ({0: "a:1", 1: "2", 2: "-1"}, "JAX_PROCESS_ID=-1 should be a whole number"),
        ({0: "a:1", 1: "2", 2: "2"}, "JAX_PROCESS_ID=2 should be below JAX_NUM"),
    ],
)
def test_variables_that_say_nothing_sensible_are_told(unset, values, told):
    for number, value in values.items():
        unset.setenv(hosts.VARIABLES[number], value)
    with pytest.raises(InputError, match=told):
        hosts.join()


def test_one_host_is_alone(unset):
    for number, value in enumerate(("localhost:1", "1", "0")):
        unset.setenv(hosts.VARIABLES[number], value)
    hosts.join()
    assert (hosts.index(), hosts.count(), hosts.leads()) == (0, 1, True)
    assert hosts.once(lambda: "mine") == "mine"
    assert hosts.leave(2) == 2


def test_a_workdir_that_is_not_shared_is_told(monkeypatch, tmp_path):
    second = dataclasses.replace(hosts._group, index=1, count=2)
    monkeypatch.setattr(hosts, "_group", second)
    monkeypatch.setattr(hosts, "FILE_S", 0)
    with pytest.raises(InputError, match="host 1 does not see .*name a --workdir"):
        hosts.await_file(tmp_path / "config.json")
    (tmp_path / "config.json").write_text("{}")
    hosts.await_file(tmp_path / "config.json")


@contextlib.contextmanager
def metadata_server(workers):
    """Google's, as it answers on a host of a Cloud TPU; gives its address."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            found = re.fullmatch(
                "/computeMetadata/v1/instance/attributes/(.*)", self.path
            )
            known = found[1] == "worker-network-endpoints"
            right = self.headers["Metadata-Flavor"] == "Google"
            self.send_response(200 if known and right else 404)
            self.end_headers()
            self.wfile.write(workers.encode())

        def log_message(self, *words):
            """Says nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_how_many_hosts_a_cloud_tpu_has(monkeypatch):
    for name in ("TPU_SKIP_MDS_QUERY", "TPU_WORKER_HOSTNAMES"):
        monkeypatch.delenv(name, raising=False)
    for workers, hosts_told in (("a:0:10.0.0.1", 1), ("10.0.0.1,10.0.0.2,10.0.0.3", 3)):
        with metadata_server(workers) as address:
            monkeypatch.setenv("GCE_METADATA_IP", address)
            assert hosts.tpu_hosts() == hosts_told
    assert hosts.tpu_hosts() == 1  # nobody answers any more
    monkeypatch.setenv("TPU_WORKER_HOSTNAMES", "a,b")
    assert hosts.tpu_hosts() == 2
