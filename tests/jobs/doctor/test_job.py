"""What the doctor says of workdirs: healthy, ill, killed, damaged, empty."""

import dataclasses
import functools
import json
import os
import shutil

import pytest

from gandl_jax import commands, events, lock, sealed_json
from gandl_jax import config as configs
from gandl_jax.jobs.doctor import metric_findings, outputs, page, progress, speed
from gandl_jax.jobs.doctor import state as doctor_state
from gandl_jax.methods import findings
from gandl_jax.methods.findings import BAD, GOOD, NOTE, Finding
from gandl_jax.training import rollback
from gandl_jax.training import soundness as health_of_training


def lines(**metrics):
    """One line for each value of the metrics, every 10 steps."""
    columns = {name.replace("__", "/"): values for name, values in metrics.items()}
    rows = zip(*columns.values(), strict=True)
    return [
        {"step": 10 * (i + 1), **dict(zip(columns, row, strict=True))}
        for i, row in enumerate(rows)
    ]


@pytest.mark.parametrize(
    "found, state, words",
    [
        (
            metric_findings.gradients(
                lines(x__gradient_norm=[900.0] + [1.0] * 12 + [500.0, 1.0])
            ),
            NOTE,
            "500 at step 140, 500 times",
        ),
        (
            metric_findings.gradients(lines(x__gradient_norm=[300.0] + [1.0] * 12)),
            GOOD,
            "at most 1.0 times",
        ),
        (
            metric_findings.numbers(lines(x__loss=[1.0, float("nan")])),
            BAD,
            "nan at step 20",
        ),
        (metric_findings.numbers(lines(x__loss=[1.0, 2.0])), GOOD, "is finite"),
    ],
)
def test_what_is_ill_of_any_method_is_named(found, state, words):
    assert (found.state, words in found.result) == (state, True), found
    assert metric_findings.gradients(lines(x__loss=[1.0] * 20)) is None


def test_throughput_that_halves_is_told_and_where():
    rates = [50.0] * 20 + [20.0] * 10 + [48.0] * 15 + [20.0] * 5
    told = speed.throughput([(i, rate) for i, rate in enumerate(rates, 1)])
    assert told.state == BAD
    assert "50 images/s in the first tenth, 20 in the middle, 20 in the last" in (
        told.result
    )
    assert "slowest between steps 21 and 25: 20" in told.result
    assert speed.throughput([(i, 50.0) for i in range(50)]).state == GOOD


def test_lines_that_hold_a_start_are_no_measure_of_speed():
    found = lines(**{"data/images_per_second": [5.0, 50.0, 50.0, 6.0, 50.0]})
    assert speed.rates(found, [0, 30]) == [(20, 50.0), (30, 50.0), (50, 50.0)]


def test_bars_reach_from_zero_to_the_greatest():
    assert speed.sparkline([1, 2, 4, 8]) == "▁▂▄█"
    assert speed.sparkline([0.0] * 3) == "▁▁▁"
    assert speed.sparkline([1.0] * 40 + [2.0] * 40) == "▄" * 20 + "█" * 20


def test_time_lost_counts_what_was_wanted_and_did_not_train():
    seen = [("started", 0), ("started", 3000), ("finished", 4000), ("started", 90_000)]
    seen = [{"what": what, "at": float(at)} for what, at in seen]
    assert speed.spans_wanted(seen, 91_000.0) == [(0, 4000), (90_000, 91_000)]
    told = speed.lost(seen, trained_s=2500.0, until=91_000.0)
    assert told.state == NOTE and told.result.startswith("50% of 1 h 23 min")
    assert speed.lost(seen, trained_s=4900.0, until=91_000.0).state == GOOD


def test_rollbacks_are_counted_against_the_most():
    back = {"what": "rolled_back", "step": 60, "to": 40, "why": "d/loss is nan"}
    once, spent = progress.rollbacks([back], 3)[0], progress.rollbacks([back] * 3, 3)[0]
    assert (once.state, spent.state) == (NOTE, BAD)
    assert "from step 60 to 40, d/loss is nan" in once.result
    assert "3 times from step 60" in spent.result
    assert progress.rollbacks([], 3)[0].state == GOOD


@pytest.mark.parametrize(
    "seconds, words",
    [(0.2, "0 s"), (61, "1 min 1 s"), (7200, "2 h"), (180_000, "2 d 2 h")],
)
def test_times_in_words(seconds, words):
    assert findings.lasting(seconds) == words


def test_sizes_in_words():
    assert [findings.size(x) for x in (12, 3400, 31_600_000, 2e15)] == [
        "12 bytes",
        "3.4 kB",
        "31.6 MB",
        "2e+03 TB",
    ]


@pytest.mark.parametrize(
    "options", ["--a=b --job train", "-job=all --a=b", "--a=b", "--job= --a=b"]
)
def test_a_command_is_given_another_job(options):
    assert commands.with_flag(options, "job", "embed") == "--a=b --job=embed"


def test_a_command_that_no_shell_reads_is_guessed():
    for options in (None, "", "--a='", 3):
        told = commands.recorded(options, "demo-smoke", "my runs")
        assert told == "--config=configs/demo.py:smoke '--workdir=my runs'"


def test_what_is_bad_comes_first_and_is_said_once():
    later = Finding("a", NOTE, "", "look")
    first = Finding("b", BAD, "", "free it", "rm")
    told = page.advice({"x": [later, first], "y": [first, Finding("c", GOOD, "")]})
    assert told == [("b: free it", "rm"), ("a: look", "")]


@pytest.fixture
def state():
    """Function that makes the state of a training of 100 steps, with what is said."""
    config = configs.default()
    config.name = "demo"
    config.train.total_images = 3200
    healthy = doctor_state.State(
        workdir="runs/demo",
        now=10_000.0,
        config=config,
        config_trouble="",
        given=config,
        record={"command": "--config=configs/demo.py", "history": [], "devices": None},
        lines=[
            {"step": i, "seconds": 2.0 * i, "data/images_per_second": 16.0}
            for i in (10, 20, 30, 40)
        ],
        cut_off=[],
        damaged_lines={},
        damaged_results=[],
        last_line=9_990.0,
        events=(),
        holder=None,
        saved=doctor_state.Saved(
            steps=[0, 40], newest=40, date=9_900.0, bytes=1_000_000
        ),
        disk=doctor_state.Disk(5_000_000, True),
        profiles=(),
        tasks=(),
        has_report=False,
    )
    return functools.partial(dataclasses.replace, healthy)


def test_what_is_left_follows_from_the_rate(state):
    # 60 steps of 32 images at 16 images/s.
    assert progress.seconds_left(state()) == 120.0
    told = progress.training(state()).result
    assert "40%, step 40 of 100 (1,280 of 3,200 images); 2 min left" in told


@pytest.mark.parametrize(
    "ended, words",
    [
        (["started"], "it was killed"),
        (["started", "preempted"], "it stopped on SIGTERM"),
        (["started", "interrupted"], "it was stopped by hand"),
        (["started", "failed"], "it failed: stopped on SIGTERM"),
        (["started", "finished"], "the config asks for more now"),
        ([], "nobody works on it"),
    ],
)
def test_how_a_training_ended_and_how_it_goes_on(state, ended, words):
    event = {"step": 0, "why": "stopped on SIGTERM", "at": 0.0}
    seen = [{"what": what, **event} for what in ended]
    found = state(events=seen)
    assert words in progress.training(found).result
    command = "python -m gandl_jax.main --config=configs/demo.py --job=train"
    assert outputs.next_step(found) == ("go on from step 40", command)


def test_a_start_that_was_killed_counts_while_another_job_runs(state):
    embeds = {"host": "here", "pid": 3, "since": "now", "command": "--job=embed"}
    ends = ["started", "started", "finished"]
    for more, told in (
        ([], "2: 1 finished, 1 killed"),
        (["started"], "3: 1 finished, 1 killed"),
    ):
        seen = [{"what": what, "at": 0.0} for what in ends + more]
        found = progress.starts_and_rollbacks(state(events=seen, holder=embeds), 3)
        assert found[0].result == told


def test_who_rolled_back_too_often_is_not_told_to_go_on(state):
    trouble = health_of_training.Trouble(7, "d/loss is nan")
    spent = str(rollback.used_up(configs.default(), trouble, "rollbacks/4"))
    seen = [{"what": "started", "at": 0.0}, *[{"what": "rolled_back", "at": 0.0}] * 3]
    for why, words in ((spent, "do not go on here"), ("no room", "go on from step 40")):
        failed = {"what": "failed", "at": 0.0, "why": why}
        assert words in outputs.next_step(state(events=[*seen, failed]))[0]


def test_a_command_names_the_folder_that_was_looked_at(state):
    moved = state(workdir="/elsewhere/my run")
    assert moved.command("train").endswith("'--workdir=/elsewhere/my run' --job=train")


def test_a_training_that_runs_and_says_nothing_is_told(state):
    runs = {"host": "here", "pid": 3, "since": "now", "command": "--job=train"}
    assert progress.silence(state(holder=runs)) is None
    told = progress.silence(state(holder=runs, last_line=9_000.0))
    assert "16 min 40 s ago, and one comes every 20 s" in told.result


def test_a_full_or_read_only_disk_is_told(state):
    def told(*disk):
        return progress.disk(state(disk=doctor_state.Disk(*disk)))[0]

    assert [told(*d).state for d in ((2_000_000, True), (1_999_999, True))] == [
        GOOD,
        BAD,
    ]
    assert "cannot be written" in told(2_000_000, False).result


def test_who_embeds_with_anothers_encoder_lacks_no_checkpoint(state):
    embeds = state(saved=doctor_state.Saved(), lines=[])
    assert progress.checkpoints(embeds)[0].state == NOTE
    embeds.config.embed.checkpoint = "runs/other"
    assert progress.checkpoints(embeds) == []


def test_what_comes_after_training(state):
    unsaved = [{"step": 100}]  # the last step was killed before it was saved
    assert outputs.next_step(state(lines=unsaved))[0] == "go on from step 40"
    done = state(saved=dataclasses.replace(state().saved, newest=100))
    assert "--job=embed,evaluate,report" in outputs.next_step(done)[1]

    def embedded(*steps, **more):
        ones = [
            doctor_state.Profiles("simulated", f"gan@{step}", trouble="", parts=3)
            for step in steps
        ]
        return outputs.next_step(dataclasses.replace(done, profiles=ones, **more))

    for few in ((100,), (0, 40)):
        assert "--job=embed,evaluate,report" in embedded(*few)[1]
    assert embedded(0, 100)[1].endswith("--job=evaluate,report")
    last = embedded(0, 100, tasks=["simulated/x"], has_report=True)
    assert last == ("nothing is missing: open runs/demo/report/index.html", "")
    chosen = done.config.copy_and_resolve_references()
    chosen.embed.steps = ("first", "40")  # the best one, as advised
    assert embedded(0, 40, config=chosen)[1].endswith("--job=evaluate,report")


@pytest.fixture
def workdir(trained, tmp_path):
    """A copy of a demo of one step, embedded, to be damaged."""
    shutil.copytree(trained, tmp_path / "demo")
    return tmp_path / "demo"


@pytest.fixture
def doctor(run, capsys):
    """Function that gives what the doctor says of a workdir, on one line."""

    def say(workdir, *arguments):
        capsys.readouterr()
        assert run(workdir, "--job=doctor", *arguments) == 0
        return " ".join(capsys.readouterr().out.split())

    return say


def everything(folder):
    """Path -> bytes and time of all that lies in a folder."""
    return {
        path: (path.stat().st_mtime_ns, path.is_file() and path.read_bytes())
        for path in folder.rglob("*")
    }


def test_a_finished_training_is_well_and_left_as_it_is(workdir, doctor):
    before = everything(workdir)
    told = doctor(workdir)
    assert everything(workdir) == before
    assert "step 1 of 1 (32 of 32 images); finished" in told
    assert "last good one step 1 (32 images), whole" in told
    assert "simulated/gan@0, simulated/gan@1, simulated/intensity" in told
    assert "BAD" not in told
    assert told.endswith(f"--workdir={workdir} --job=evaluate,report")


def test_another_config_is_told_and_not_refused(workdir, doctor):
    told = doctor(workdir, "--config.method.r1_weight=3", "--config.seed=5")
    assert "method.r1_weight from 10.0 to 3.0" in told and "seed from 0 to 5" in told


def test_a_killed_training_goes_on_from_its_last_good_checkpoint(
    workdir, doctor, monkeypatch
):
    config = json.loads((workdir / "config.json").read_text())
    config["config"]["train.total_images"] = 3200
    sealed_json.write(workdir / "config.json", config)
    with (workdir / "metrics.jsonl").open("a") as file:
        file.write('{"step": 2, "ima')
    (workdir / "checkpoints" / "2").mkdir()
    events.add(workdir, "started", step=1, devices="1 x cpu")
    told = doctor(workdir)
    assert "1%, step 1 of 100 (32 of 3,200 images)" in told
    assert "it was killed" in told and "starts 2: 1 finished, 1 killed" in told
    assert "metrics.jsonl its last line was cut off" in told
    assert "step 2: it was never finished" in told
    assert "go on from step 1" in told and told.endswith("--job=train")
    ours = os.getpid()
    with lock.held(workdir, "--job=train"):
        monkeypatch.setattr(os, "getpid", lambda: ours + 1)  # asked by another process
        told = doctor(workdir)
        monkeypatch.undo()
    assert "works here since" in told and "step 2: it is being written" in told
    assert told.endswith("wait: a process works here; a second one would be refused")


def test_damaged_files_are_named(workdir, doctor):
    (workdir / "config.json").write_text('{"config": {"seed"')
    (workdir / "metrics.jsonl").write_bytes(b'\xff\n{"step": "x"}\n[1]\n{"step": 1}\n')
    deep = "[" * 100_000  # which Python's reader gives up
    (workdir / "events.jsonl").write_text(f'{{"what": "started"}}\n{deep}')
    (workdir / "profiles" / "simulated" / "gan@1" / "_SUCCESS").write_bytes(b"\xff")
    damage(workdir / "checkpoints" / "1")
    told = doctor(workdir)
    assert "config.json is damaged" in told
    assert "metrics.jsonl lines 1, 2, 3 are damaged and left out" in told
    assert "BAD damaged step 1:" in told
    assert "last good one step 0 (0 images), whole" in told
    assert "simulated/gan@1 is not complete" in told
    damage(workdir / "checkpoints" / "0")
    told = doctor(workdir)
    assert "BAD last good one none: no checkpoint in" in told
    assert "restore a checkpoint from a copy" in told


def damage(checkpoint):
    """Cuts one of its files in half."""
    file = max(checkpoint.rglob("*"), key=lambda path: path.stat().st_size)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def test_a_config_of_wrong_types_is_damage_too(workdir, doctor):
    config = json.loads((workdir / "config.json").read_text())
    for content in ({}, [], {"config": 3, "history": [], "versions": {}}):
        (workdir / "config.json").write_text(json.dumps(content))
        assert "BAD experiment" in doctor(workdir)
    for batch in ("many", 0):
        config["config"]["train.batch"] = batch
        sealed_json.write(workdir / "config.json", config)
        assert "BAD experiment" in doctor(workdir)


def test_an_empty_workdir_and_none(run, doctor, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    told = doctor(tmp_path / "empty")
    assert "no training was begun here" in told and told.endswith("--job=prepare,train")
    assert list((tmp_path / "empty").iterdir()) == []
    assert run(tmp_path / "missing", "--job=doctor") == 2
    assert "there is no workdir" in capsys.readouterr().err
    assert not (tmp_path / "missing").exists()


def test_a_won_discriminator_is_answered_with_a_command(workdir, doctor):
    won = lines(d__real_sign=[0.95] * 20)
    text = "".join(f"{json.dumps(line)}\n" for line in won)
    (workdir / "metrics.jsonl").write_text(text)
    told = doctor(workdir)
    assert "BAD discriminator it has won" in told
    assert f"--workdir={workdir}-2 --config.method.r1_weight=40 --job=train" in told
