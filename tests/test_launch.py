"""The launch scripts: what they would run, held; and what worker.sh does, tried.

No Google Cloud, no accelerator and no network: gcloud, sudo, systemd and Python are
stand-ins that note how they were called.
"""

import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
LAUNCH = ROOT / "launch"
PLACE = ["--project=proj", "--zone=europe-west4-a"]
GCLOUD = ["gcloud", "compute", "tpus"]

# Notes its arguments, and what each is to do besides.
CLASSICAL = ["-m", "pip", "install", "--quiet", "--no-deps"]
CLASSICAL += ["-r", "launch/classical.txt"]
STUB = """#!{python} -ES
import json, os, pathlib, shutil, subprocess, sys
name, words = pathlib.Path(sys.argv[0]).name, sys.argv[1:]
if words[:1] != ["-c"]:
    with open({log!r}, "a") as file:
        file.write(json.dumps([name, *words]) + chr(10))
"""
PYTHON = """
if words[:2] == ["-m", "venv"]:
    python = pathlib.Path(words[2], "bin/python")
    python.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(sys.argv[0], python)
"""
# One host: the home directory.
HOST = """
home = pathlib.Path(os.environ["HOME"])
if "scp" in words:
    shutil.copy(words[4], home / words[5].split(":")[1])
for word in words:
    if word.startswith("--command="):
        sys.exit(subprocess.call(["sh", "-c", word.split("=", 1)[1]], cwd=home))
"""
SUDO = """
os.execvp(words[0], words)
"""
SYSTEMD_RUN = """
keep = ("HOME", "PATH")
environment = {key: value for key, value in os.environ.items() if key in keep}
while words[0].startswith("--"):
    if words[0].startswith("--setenv="):
        key, value = words[0].removeprefix("--setenv=").split("=", 1)
        environment[key] = value
    words.pop(0)
words = [word.replace("$$", "$") for word in words]
sys.exit(subprocess.call(words, cwd="/", env=environment))
"""


class Machine:
    """A folder with stand-ins for commands, and a way to run the scripts there."""

    def __init__(self, folder):
        self.folder, self.bin = folder, folder / "bin"
        self.home, self.log = folder / "home", folder / "calls.jsonl"
        self.bin.mkdir()
        self.home.mkdir()

    def stub(self, name, then=""):
        path = self.bin / name
        path.write_text(STUB.format(python=sys.executable, log=str(self.log)) + then)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def environment(self, **settings):
        path = settings.pop("PATH", f"{self.bin}:{os.environ['PATH']}")
        return {"PATH": path, "HOME": str(self.home), **settings}

    def run(self, script, *words, **settings):
        return subprocess.run(
            [LAUNCH / script, *words],
            env=self.environment(TMPDIR=str(self.folder), **settings),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def calls(self, name=None):
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        calls = [json.loads(line) for line in lines]
        return [call for call in calls if name in (None, call[0])]


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def printed(done):
    """The commands of a dry run: exactly quoted, one per line."""
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    commands = [shlex.split(line) for line in lines]
    assert lines == [shlex.join(command) for command in commands]
    return commands


# --- tpu.sh: what it would run


def ssh(command, worker="all"):
    ssh = [*GCLOUD, "tpu-vm", "ssh", "gandl"]
    return [*ssh, f"--worker={worker}", f"--command={command}", *PLACE]


SETTINGS = ["EXTRA=tpu,report", "VENV=.venv", "PYTHON_PACKAGE=python3.11"]
SETTINGS += ["RERUNS=3", "RERUN_DELAY_S=10"]
START = (
    "sudo systemctl reset-failed gandl 2>/dev/null; "
    'sudo systemd-run --unit=gandl --uid="$(id -u)" --gid="$(id -g)" '
    "--property=KillMode=mixed --property=OOMPolicy=continue "
    "--property=TimeoutStopSec=60 "
    + " ".join(f"--setenv={setting}" for setting in SETTINGS)
    + ' "$HOME/gandl_jax/launch/worker.sh" '
)
QUEUED = [*GCLOUD, "queued-resources"]
CREATE = [*QUEUED, "create", "gandl", "--node-id=gandl"]
CONFIG = "--config=configs/rxrx19a.py"
DRY_RUNS = {
    "create": [
        [
            *CREATE,
            "--accelerator-type=v3-8",
            "--runtime-version=tpu-ubuntu2204-base",
            "--spot",
            *PLACE,
        ]
    ],
    "setup": [
        ["tar", "--exclude=__pycache__", "-czf", "TMP/gandl.tar.gz", "-C", str(ROOT)]
        + ["LICENSE", "README.md", "setup.py", "configs", "gandl_jax", "launch"],
        [*GCLOUD, "tpu-vm", "scp", "TMP/gandl.tar.gz", "gandl:gandl_jax.tar.gz"]
        + ["--worker=all", *PLACE],
        ["rm", "TMP/gandl.tar.gz"],
        ssh(
            "mkdir -p gandl_jax && tar -xmzf gandl_jax.tar.gz -C gandl_jax && "
            f"env {' '.join(SETTINGS)} gandl_jax/launch/worker.sh --setup"
        ),
    ],
    "run": [ssh(START + f"{CONFIG} --workdir=gs://bucket/runs/rxrx19a")],
    "logs": [
        ssh("sudo journalctl --unit=gandl --output=cat --lines=100 --follow", "0")
    ],
    "status": [
        [*QUEUED, "describe", "gandl", "--format=value(state.state)", *PLACE],
        ssh(
            "systemctl show gandl --property=ActiveState,Result,ExecMainStatus; "
            "sudo journalctl --unit=gandl --no-pager --output=cat --lines=3"
        ),
    ],
    "stop": [ssh("sudo systemctl stop gandl")],
    "delete": [[*QUEUED, "delete", "gandl", "--force", *PLACE]],
}


@pytest.mark.parametrize("verb", DRY_RUNS)
def test_tpu_dry_runs_print_every_command_and_run_none(machine, verb):
    for name in ("gcloud", "tar", "rm", "sudo"):
        machine.stub(name)
    words = [CONFIG] if verb == "run" else []
    settings = {"PROJECT": "proj", "BUCKET": "gs://bucket", "DRY_RUN": "1"}
    expected = [
        [word.replace("TMP/", f"{machine.folder}/") for word in command]
        for command in DRY_RUNS[verb]
    ]
    assert printed(machine.run("tpu.sh", verb, *words, **settings)) == expected
    assert machine.calls() == []


def test_every_setting_can_come_from_the_environment(machine):
    settings = {
        "ZONE": "us-central2-b",
        "TPU_NAME": "other",
        "ACCELERATOR_TYPE": "v3-32",
        "RUNTIME_VERSION": "image",
        "SPOT": "0",
        "CREATE_FLAGS": "--network=mine --internal-ips",
    }
    done = machine.run("tpu.sh", "create", PROJECT="p", DRY_RUN="1", **settings)
    assert printed(done) == [
        [*QUEUED, "create", "other", "--node-id=other", "--accelerator-type=v3-32"]
        + ["--runtime-version=image", "--network=mine", "--internal-ips"]
        + ["--project=p", "--zone=us-central2-b"]
    ]


@pytest.mark.parametrize(
    "words, workdir",
    [
        ([f"{CONFIG}:smoke", "--job=embed,export"], "--workdir=gs://b/f/runs/rxrx19a"),
        ([CONFIG, "--workdir=gs://c/mine"], None),
    ],
)
def test_runs_are_kept_in_the_bucket_unless_told_otherwise(machine, words, workdir):
    settings = {"PROJECT": "proj", "BUCKET": "gs://b/f/", "DRY_RUN": "1"}
    (command,) = printed(machine.run("tpu.sh", "run", *words, **settings))
    expected = shlex.join([*words, *([workdir] if workdir else [])])
    assert command == ssh(START + expected)


@pytest.mark.parametrize(
    "words, settings, told",
    [
        (["create"], {}, "PROJECT is not set"),
        (["create"], {"PROJECT": "p", "BUCKET": "b"}, "BUCKET=b should be gs://NAME"),
        (["creat"], {"PROJECT": "p"}, "what is creat?"),
        (["create", "now"], {"PROJECT": "p"}, "create takes no arguments"),
        (["run"], {"PROJECT": "p"}, "no config"),
        (
            ["run", CONFIG],
            {"PROJECT": "p", "ACCELERATOR_TYPE": "v3-32"},
            "the hosts of v3-32 share no disk: set BUCKET",
        ),
    ],
)
def test_tpu_refuses_with_what_to_do(machine, words, settings, told):
    machine.stub("gcloud")
    done = machine.run("tpu.sh", *words, **settings)
    assert done.returncode == 2 and told in done.stderr
    assert machine.calls() == []


def test_a_missing_gcloud_is_told(machine):
    for name in ("bash", "env", "dirname"):
        (machine.bin / name).symlink_to(shutil.which(name))
    done = machine.run("tpu.sh", "create", PROJECT="p", PATH=str(machine.bin))
    assert done.returncode == 2
    assert "gcloud is not found: install it (https://cloud.google.com" in done.stderr


def test_on_a_pod_every_host_is_started(machine):
    settings = {"PROJECT": "proj", "BUCKET": "gs://bucket", "DRY_RUN": "1"}
    done = machine.run("tpu.sh", "run", CONFIG, ACCELERATOR_TYPE="v3-32", **settings)
    assert printed(done) == DRY_RUNS["run"] and "--worker=all" in done.stdout
    assert not done.stderr


# --- tpu.sh: what happens on the host


@pytest.fixture
def host(machine):
    """A machine on which gcloud reaches that machine itself, with Python 3.13."""
    machine.stub("gcloud", HOST)
    machine.stub("sudo", SUDO)
    machine.stub("systemctl")
    machine.stub("systemd-run", SYSTEMD_RUN)
    machine.stub("python3.13", PYTHON)
    return machine


def test_the_host_gets_the_code_installs_it_and_runs_it(host):
    settings = {"PROJECT": "proj", "BUCKET": "gs://bucket"}
    done = host.run("tpu.sh", "setup", **settings)
    assert done.returncode == 0, done.stderr
    there = host.home / "gandl_jax"
    for name in ("setup.py", "configs/demo.py", "gandl_jax/main.py"):
        assert (there / name).read_bytes() == (ROOT / name).read_bytes()
    assert not (host.folder / "gandl.tar.gz").exists()
    pip = ["python", "-m", "pip", "install", "--quiet", "-c", "launch/constraints.txt"]
    assert host.calls("python") == [
        [*pip, "-e", ".[tpu,report]"],
        ["python", *CLASSICAL],
    ]

    words = [CONFIG, "--config.data.source_dir=it's $HOME/my screen", "--job=train"]
    done = host.run("tpu.sh", "run", *words, **settings)
    assert done.returncode == 0, done.stderr
    program = ["python", "-m", "gandl_jax.main", *words]
    assert host.calls("python")[2:] == [
        [*program, "--workdir=gs://bucket/runs/rxrx19a"]
    ]


def test_setup_again_checks_the_installation_again(host):
    for _ in range(2):
        assert host.run("tpu.sh", "setup", PROJECT="proj").returncode == 0
    assert len(host.calls("python")) == 4


@pytest.mark.parametrize(
    "state, hosts_asked, told",
    [
        ("ACTIVE", 1, ""),
        ("WAITING_FOR_RESOURCES", 0, "not there yet"),
        ("SUSPENDED", 0, "it is gone: delete, create, setup and run again"),
    ],
)
def test_status_asks_the_hosts_once_they_are_there(machine, state, hosts_asked, told):
    machine.stub("gcloud", f'if "describe" in words: print("{state}")')
    done = machine.run("tpu.sh", "status", PROJECT="proj")
    assert done.returncode == 0 and done.stdout.splitlines() == [state]
    assert told in done.stderr
    assert sum("ssh" in call for call in machine.calls("gcloud")) == hosts_asked


def test_a_spot_tpu_without_a_bucket_is_warned_of(host):
    done = host.run("tpu.sh", "run", CONFIG, PROJECT="proj", DRY_RUN="1")
    assert done.returncode == 0
    assert "set BUCKET=gs://NAME to keep the run" in done.stderr


# --- worker.sh: installing


def hide_pythons(machine):
    for name in ("python3.13", "python3.12", "python3.11", "python3"):
        machine.stub(name, "sys.exit(1)")


@pytest.mark.parametrize("system", ["ubuntu", "debian"])
def test_where_python_is_too_old_a_newer_one_is_installed(machine, system):
    hide_pythons(machine)
    release = machine.folder / "os-release"
    release.write_text(f'NAME="Some Linux"\nID={system}\n')
    done = machine.run(
        "worker.sh",
        "--setup",
        DRY_RUN="1",
        OS_RELEASE=str(release),
        EXTRA="tpu,report",
        VENV="new",
    )
    root = [] if os.geteuid() == 0 else ["sudo"]
    apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "NEEDRESTART_MODE=a"]
    apt += ["apt-get", "-o", "DPkg::Lock::Timeout=600", "--yes"]
    ppa = [*root, "add-apt-repository", "--yes", "--no-update", "ppa:deadsnakes/ppa"]
    python = ["-m", "pip", "install", "--quiet", "-c", "launch/constraints.txt"]
    assert printed(done) == [
        *([ppa] if system == "ubuntu" else []),
        [*apt, "update"],
        [*apt, "install", "python3.11", "python3.11-venv"],
        ["python3.11", "-m", "venv", "new"],
        ["new/bin/python", *python, "-e", ".[tpu,report]"],
        ["new/bin/python", *CLASSICAL],
        ["touch", "new/installed-tpu,report"],
    ]


@pytest.mark.parametrize(
    "settings, told",
    [
        ({"OS_RELEASE": "/nowhere"}, "no Python 3.11 to 3.13 with venv: install one"),
        ({"PYTHON": "python3"}, "PYTHON=python3 is not a Python 3.11 to 3.13"),
        ({"RERUNS": "x"}, "RERUNS=x should be a whole number"),
    ],
)
def test_worker_refuses_with_what_to_do(machine, settings, told):
    hide_pythons(machine)
    venv = str(machine.folder / "venv")
    done = machine.run("worker.sh", "--setup", VENV=venv, **settings)
    assert done.returncode == 2 and told in done.stderr


def test_a_real_python_that_is_too_old_is_not_taken(machine):
    """The versions are asked of this very Python, by the question in worker.sh."""
    (question,) = re.findall(r"-c '(import ensurepip.*?)'", worker_text(), re.DOTALL)
    for version, fits in [((3, 10), False), ((3, 11), True), ((3, 14), False)]:
        told = question.replace("sys.version_info", f"{(*version, 0)}")
        done = subprocess.run([sys.executable, "-c", told])
        assert (done.returncode == 0) == fits


def worker_text():
    return (LAUNCH / "worker.sh").read_text()


def test_what_is_installed_is_not_installed_again(machine):
    machine.stub("python3.13", PYTHON)
    venv = str(machine.folder / "venv")
    for _ in range(2):
        assert machine.run("worker.sh", "--setup", VENV=venv).returncode == 0
    assert len(machine.calls("python")) == 2
    assert machine.run("worker.sh", "--setup", VENV=venv, EXTRA="tpu").returncode == 0
    assert len(machine.calls("python")) == 4
    assert len(machine.calls("python3.13")) == 1  # the environment was made once


@pytest.mark.parametrize(
    "extra, platforms", [("tpu,report", "tpu,cpu"), ("cuda12,report", "cuda,cpu")]
)
def test_the_cpu_does_not_stand_in_for_an_accelerator(machine, extra, platforms):
    machine.stub("python3.13", PYTHON)
    words = ["--config=configs/demo.py", "--job=all"]
    done = machine.run("worker.sh", *words, EXTRA=extra, DRY_RUN="1", VENV="new")
    program = ["new/bin/python", "-m", "gandl_jax.main", *words]
    assert printed(done)[-1] == ["env", f"JAX_PLATFORMS={platforms}", *program]


# --- worker.sh: running

# Ends as the next line of a file says; waits for signals where it says "wait".
PROGRAM = """
import os, signal, sys, time
folder = {folder!r}
def note(text):
    with open(folder + "/notes", "a") as file:
        file.write(text + chr(10))
asked = []
def stop(number, frame):
    note(signal.Signals(number).name)
    asked.append(number)
signal.signal(signal.SIGTERM, stop)
if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
    signal.signal(signal.SIGINT, stop)
with open(folder + "/ends") as file:
    end, *rest = file.read().split()
with open(folder + "/ends", "w") as file:
    file.write(" ".join(rest))
note("run " + " ".join(sys.argv[1:]))
if end.startswith("wait"):
    while len(asked) < int(end[4:]):
        time.sleep(.02)
    time.sleep(.3)
    sys.exit(75 if len(asked) == 1 else 143)
if end.isdigit():
    sys.exit(int(end))
os.kill(os.getpid(), signal.Signals["SIG" + end])
time.sleep(60)
"""


class Worker:
    """worker.sh with a program that ends as it is told to."""

    def __init__(self, machine, ends, **settings):
        self.folder = machine.folder
        program = self.folder / "program.py"
        program.write_text(PROGRAM.format(folder=str(self.folder)))
        (self.folder / "ends").write_text(" ".join(ends))
        settings = {"RERUN_DELAY_S": "0", "RERUNS": "3", **settings}
        settings["PROGRAM"] = f"{sys.executable} -ES {program}"
        self.process = subprocess.Popen(
            [LAUNCH / "worker.sh", "--config=c.py", "--job=train"],
            env=machine.environment(**settings),
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # Where the tests run in the background a shell has it ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def notes(self):
        file = self.folder / "notes"
        return file.read_text().splitlines() if file.exists() else []

    def wait_for(self, count):
        end = time.monotonic() + 30
        while len(self.notes()) < count:
            assert time.monotonic() < end and self.process.poll() is None
            time.sleep(0.02)

    def ended(self):
        """The exit code, and what it said."""
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors


RUN = "run --config=c.py --job=train"


@pytest.mark.parametrize(
    "ends, code, runs",
    [
        (["0"], 0, 1),
        (["1", "0"], 1, 1),
        (["2", "0"], 2, 1),
        (["3", "0"], 3, 1),
        (["130", "0"], 130, 1),
        (["255", "0"], 255, 1),
        (["75", "0"], 0, 2),
        (["75"] * 6 + ["0"], 0, 7),
        (["75", "1", "0"], 1, 2),
        (["KILL", "0"], 0, 2),
        (["SEGV", "ABRT", "2"], 2, 3),
        (["KILL", "75", "SEGV", "75", "KILL", "75", "SEGV", "0"], 139, 7),
        (["KILL"] * 9, 137, 4),
        (["SEGV"] * 9, 139, 4),
    ],
)
def test_when_the_program_is_run_again(machine, ends, code, runs):
    worker = Worker(machine, ends)
    assert worker.ended()[0] == code
    assert worker.notes() == [RUN] * runs


@pytest.mark.parametrize("reruns, runs", [("0", 1), ("1", 2)])
def test_the_number_of_reruns_is_a_setting(machine, reruns, runs):
    worker = Worker(machine, ["KILL"] * 9, RERUNS=reruns)
    code, said = worker.ended()
    assert code == 137 and len(worker.notes()) == runs
    assert said.count("killed by SIGKILL") == int(reruns)


def test_sigterm_is_passed_on_once_and_the_program_may_save(machine):
    worker = Worker(machine, ["wait1", "0"])
    worker.wait_for(1)
    worker.process.send_signal(signal.SIGTERM)
    assert worker.ended()[0] == 75
    assert worker.notes() == [RUN, "SIGTERM"]


def test_a_second_sigterm_is_passed_on_too(machine):
    worker = Worker(machine, ["wait2", "0"])
    for count in (1, 2):
        worker.wait_for(count)
        worker.process.send_signal(signal.SIGTERM)
    assert worker.ended()[0] == 143
    assert worker.notes() == [RUN, "SIGTERM", "SIGTERM"]


def test_ctrl_c_reaches_the_program_as_one_sigterm(machine):
    worker = Worker(machine, ["wait1", "0"])
    worker.wait_for(1)
    os.killpg(worker.process.pid, signal.SIGINT)  # as a terminal does
    assert worker.ended()[0] == 75
    assert worker.notes() == [RUN, "SIGTERM"]


def test_sigterm_between_two_runs_ends_the_waiting(machine):
    worker = Worker(machine, ["75", "0"], RERUN_DELAY_S="600")
    for line in worker.process.stderr:
        if "running it again in 600 s" in line:
            break
    time.sleep(0.2)
    worker.process.send_signal(signal.SIGTERM)
    assert worker.ended()[0] == 75
    assert worker.notes() == [RUN]


# --- gpu.sh, the Dockerfile, and all scripts


def test_gpu_runs_worker_with_its_extra(machine):
    machine.stub("python3.13", PYTHON)
    done = machine.run("gpu.sh", CONFIG, "--job=all", DRY_RUN="1", VENV="new")
    pip = ["-m", "pip", "install", "--quiet", "-c", "launch/constraints.txt"]
    program = ["new/bin/python", "-m", "gandl_jax.main", CONFIG, "--job=all"]
    assert printed(done) == [
        ["python3.13", "-m", "venv", "new"],
        ["new/bin/python", *pip, "-e", ".[cuda12,report]"],
        ["new/bin/python", *CLASSICAL],
        ["touch", "new/installed-cuda12,report"],
        ["env", "JAX_PLATFORMS=cuda,cpu", *program],
    ]


def test_a_missing_driver_is_told(machine):
    for name in ("bash", "env", "dirname"):
        (machine.bin / name).symlink_to(shutil.which(name))
    done = machine.run("gpu.sh", CONFIG, PATH=str(machine.bin))
    assert done.returncode == 2 and "install NVIDIA's driver" in done.stderr


def test_the_dockerfile_copies_what_is_there():
    text = (LAUNCH / "Dockerfile").read_text()
    copied = [line.split()[1:-1] for line in re.findall("^COPY .*", text, re.M)]
    for name in sum(copied, []):
        assert (ROOT / name).exists(), name
    (entry,) = re.findall("^ENTRYPOINT (.*)", text, re.M)
    assert os.access(ROOT / json.loads(entry)[0], os.X_OK)
    assert '-e ".[cuda12,report]"' in text and "-c launch/constraints.txt" in text


@pytest.mark.parametrize("script", ["tpu.sh", "worker.sh", "gpu.sh"])
def test_without_arguments_the_usage_is_shown(machine, script):
    assert machine.run(script).returncode == 2
    done = machine.run(script, "--help")
    assert done.returncode == 0 and f"launch/{script} " in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["plain", "--a=b,c", "gs://b/c"],
        ["", " ", "it's", "''", '"', "$HOME", "`id`", "a\\b", "*", "~", "!x", "&", "é"],
    ],
)
def test_quoted_words_are_read_back(words):
    script = f'. {shlex.quote(str(LAUNCH / "commands.sh"))}; quote "$@"'
    bash = ["bash", "-c", script, "bash", *words]
    line = subprocess.run(bash, capture_output=True, text=True, check=True).stdout
    back = ["bash", "-c", f"printf '%s\\n' {line}"]
    read = subprocess.run(back, capture_output=True, text=True, check=True).stdout
    assert read == "".join(f"{word}\n" for word in words)


def test_the_scripts_pass_shellcheck():
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed (apt-get install shellcheck)")
    scripts = sorted(path.name for path in LAUNCH.glob("*.sh"))
    done = subprocess.run(
        ["shellcheck", "-x", *[f"launch/{name}" for name in scripts]],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
