"""SIGTERM, Ctrl-C, a lost terminal: saved, or at once."""

import http.server
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from gandl_jax import events, hosts, logs, preemption
from gandl_jax.checkpoint import Checkpoints
from gandl_jax.jobs.try_kills import job as try_kills_job
from gandl_jax.training.recorder import Recorder

WAIT = """
import hashlib, signal, sys, time
from gandl_jax import preemption
with preemption.heeded():
    try:
        with preemption.deferred() as stops:
            print("ready", flush=True)
            while not stops(1):
                time.sleep(0.01)
            print("saving", flush=True)
            time.sleep(30)  # a slow disk
    except preemption.Preempted as preempted:
        sys.exit(preempted.code)
"""


ONCE = "preemption.ONCE_S = 0.0\nwith preemption.heeded"


def start(program):
    # Whoever runs the tests by nohup has all their children ignore SIGHUP.
    heeds = "import signal\nsignal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
    words = [sys.executable, "-c", heeds + program]
    pipe = subprocess.PIPE
    return subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True)


@pytest.mark.parametrize(
    "number, code, told",
    [(signal.SIGTERM, 143, "SIGTERM: saving"), (signal.SIGINT, 130, "Ctrl-C: saving")],
)
def test_a_second_one_ends_it_at_once(number, code, told):
    process = start(WAIT.replace("with preemption.heeded", ONCE))
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert process.stdout.readline() == "saving\n"
    time.sleep(preemption.PRESSED_S + 0.1)
    process.send_signal(number)
    began = time.monotonic()
    assert process.wait(10) == code
    assert time.monotonic() - began < 5
    assert told in process.stderr.read()


@pytest.mark.parametrize("saves", [True, False])
def test_ctrl_c_saves_and_has_its_own_code(saves):
    program = WAIT.replace("time.sleep(30)", "time.sleep(0.1)")
    if not saves:
        program = program.replace("with preemption.deferred() as stops:", "if True:")
        program = program.replace("stops(1)", "False")
    process = start(program)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    assert (process.stdout.read() == "saving\n") is saves


def test_a_terminal_that_is_lost_twice_is_no_second_request():
    program = WAIT.replace("with preemption.heeded", ONCE)
    process = start(program.replace("time.sleep(30)", "time.sleep(1)"))
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGHUP)
    assert process.stdout.readline() == "saving\n"
    process.send_signal(signal.SIGHUP)
    time.sleep(0.1)
    process.terminate()  # the first that insists
    assert process.wait(10) == 75


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_group_that_is_told_twice_at_once_saves(number):
    process = start(WAIT.replace("time.sleep(30)", "time.sleep(0.5)"))
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    time.sleep(0.1)
    process.terminate()  # passed on by who started it
    assert process.stdout.readline() == "saving\n"
    assert process.wait(10) == 75


def test_nohup_holds():
    program = "import signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)" + WAIT
    process = start(program.replace("time.sleep(30)", "time.sleep(0)"))
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    process.terminate()
    assert process.wait(10) == 75


def test_a_terminal_that_is_gone_stops_no_signal():
    process = start(WAIT.replace("with preemption.heeded", ONCE))
    process.stderr.close()
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    assert process.stdout.readline() == "saving\n"
    process.terminate()
    assert process.wait(10) == 143


def test_what_cannot_save_is_stopped_where_it_is():
    program = WAIT.replace("with preemption.deferred() as stops:", "if True:")
    program = program.replace("stops(1)", "False")
    process = start(program)
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    assert process.wait(10) == 75


def test_what_hangs_in_c_is_ended():
    hangs = WAIT.replace("with preemption.deferred() as stops:", "if True:").replace(
        "while not stops(1):", "while hashlib.pbkdf2_hmac('md5', b'', b'', 10**9):"
    )
    hangs = hangs.replace("try:", "preemption.STUCK_S = 0.2\n    try:")
    process = start(hangs)
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    assert process.wait(10) == 75


@pytest.fixture
def terminated_at(monkeypatch):
    """Makes a training get SIGTERM after a step."""

    def arrange(step):
        add = Recorder.add

        def add_then_signal(self, now, *args):
            add(self, now, *args)
            if now == step:
                os.kill(os.getpid(), signal.SIGTERM)
                while not preemption._request.made.is_set():
                    time.sleep(0.01)

        monkeypatch.setattr(Recorder, "add", add_then_signal)

    return arrange


@pytest.mark.slow
def test_a_training_saves_and_goes_on_as_if_nothing_had_happened(
    run, tmp_path, terminated_at, monkeypatch, capsys
):
    settings = (
        *run.recipe,
        "--config.train.total_images=256",
        "--config.train.log_every_images=128",  # of 4 steps: it is cut in two
        "--config.train.check_every_steps=2",
    )
    assert run(tmp_path / "whole", "--job=prepare,train", *settings) == 0
    terminated_at(5)
    former = signal.getsignal(signal.SIGTERM)
    assert run(tmp_path / "stopped", "--job=train", *settings) == 75
    assert signal.getsignal(signal.SIGTERM) == former
    assert (
        "saved at step 5 on SIGTERM; the same command goes on"
        in capsys.readouterr().err
    )
    assert Checkpoints(tmp_path / "stopped").steps()[-1] == 5
    ended = events.read(tmp_path / "stopped")[-1]
    assert (ended["what"], ended["why"]) == ("preempted", "saved at step 5 on SIGTERM")
    monkeypatch.undo()
    assert run(tmp_path / "stopped", "--job=train", *settings) == 0
    assert [line["step"] for line in logs.read(tmp_path / "stopped")] == [3, 4, 6, 8]
    compared = [
        f(tmp_path / "whole", tmp_path / "stopped")
        for f in (try_kills_job.compare_states, try_kills_job.compare_metrics)
    ]
    assert compared == ["the same", "the same"]


def test_the_clouds_word_is_heeded(monkeypatch):
    told = {"instance/preempted": "FALSE", "instance/maintenance-event": "NONE"}

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.removeprefix("/computeMetadata/v1/")
            self.send_response(200)
            self.end_headers()
            self.wfile.write(told[name].encode())

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("GCE_METADATA_IP", address)
    monkeypatch.setattr(hosts, "may_have_tpu", lambda: True)
    monkeypatch.setattr(preemption, "LOOK_S", 0.05)
    with pytest.raises(preemption.Preempted):
        with preemption.heeded(), preemption.deferred() as stops:
            time.sleep(0.3)
            assert not stops(1)
            told["instance/maintenance-event"] = "TERMINATE_ON_HOST_MAINTENANCE"
            while not stops(2):
                time.sleep(0.01)
    server.shutdown()


SAVED = """            raise preemption.Preempted("saved")
"""


@pytest.mark.parametrize("saves", [False, True])
def test_a_signal_repeated_at_once_does_not_disturb_the_end(saves):
    program = WAIT.replace("            time.sleep(30)  # a slow disk\n", SAVED)
    if not saves:
        program = WAIT.replace("with preemption.deferred() as stops:", "if True:")
        program = program.replace("stops(1)", "False")
    program = program.replace(
        "        sys.exit(preempted.code)",
        '        print("ending", flush=True)\n        time.sleep(0.5)\n'
        '        print("ended", flush=True)\n        sys.exit(preempted.code)',
    )
    process = start(program)
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    assert not saves or process.stdout.readline() == "saving\n"
    assert process.stdout.readline() == "ending\n"
    process.terminate()
    assert process.stdout.readline() == "ended\n"
    assert process.wait(10) == 75
