"""What the metrics of a GAN say: healthy, ill, too early to tell; what is advised."""

import pytest

from gandl_jax import config as configs
from gandl_jax import config_checks
from gandl_jax.methods.findings import BAD, GOOD, NOTE
from gandl_jax.methods.gan import diagnosis


def lines(**metrics):
    """One line for each value of the metrics, every 10 steps."""
    columns = {name.replace("__", "/"): values for name, values in metrics.items()}
    rows = zip(*columns.values(), strict=True)
    return [
        {"step": 10 * (i + 1), **dict(zip(columns, row, strict=True))}
        for i, row in enumerate(rows)
    ]


# As the demo left them (batches of 16, R1 10, augmented): a healthy training.
HEALTHY = lines(
    d__real_sign=[0.01, 0.61, 0.54, 0.35, 0.24, 0.38, 0.51, 0.50, 0.42, 0.31, 0.30],
    g__loss=[1.58, 1.75, 1.11, 1.32, 1.11, 1.12, 1.14, 1.02, 0.98, 1.0, 0.95],
    d__r1=[0.0006, 0.014, 0.022, 0.01, 0.008, 0.005, 0.012, 0.008, 0.01, 0.007, 0.01],
    g__diversity=[0.02, 0.4, 0.6, 0.7, 0.7, 0.8, 0.75, 0.8, 0.85, 0.8, 0.8],
    g__path_length=[0.5, 0.6, 0.7, 0.8, 0.8, 0.9, 0.9, 0.9, 1.0, 1.0, 1.0],
    g__path_mean=[0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.8, 0.9, 0.9, 0.9, 1.0],
    d__augment_prob=[0.0, 0.0, 0.1, 0.1, 0.1, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2],
    d_main__gradient_norm=[300.0, 1.0, 1.2, 0.9, 1.0, 1.1, 2.0, 1.0, 1.0, 1.0, 1.0],
)


def test_a_healthy_training_raises_no_alarm():
    told = [
        diagnosis.discriminator(HEALTHY),
        diagnosis.generator(HEALTHY),
        diagnosis.diversity(HEALTHY, 0.1),
        diagnosis.r1(HEALTHY, 10.0),
        diagnosis.path_length(HEALTHY),
        diagnosis.augmentation(HEALTHY),
    ]
    assert [one.state for one in told] == [GOOD] * 6
    assert diagnosis.findings(HEALTHY, configs.default(), steps=[0]) == told


@pytest.mark.parametrize(
    "found, state, words",
    [
        (
            diagnosis.discriminator(lines(d__real_sign=[0.5] * 8 + [0.93] * 4)),
            BAD,
            "won",
        ),
        (diagnosis.discriminator(lines(d__real_sign=[0.75] * 12)), NOTE, "is winning"),
        (
            diagnosis.discriminator(lines(d__real_sign=[0.05] * 12)),
            NOTE,
            "hardly tells",
        ),
        (diagnosis.generator(lines(g__loss=[1.0] * 8 + [9.0] * 4)), BAD, "lost"),
        (diagnosis.diversity(lines(g__diversity=[0.7, 0.05]), 0.1), BAD, "collapsed"),
        (diagnosis.diversity(lines(g__diversity=[0.7, 0.05]), 0.0), NOTE, "fallen"),
        (diagnosis.diversity(lines(g__diversity=[0.02, 0.05]), 0.1), GOOD, "as yet"),
        (diagnosis.r1(lines(d__r1=[0.01] * 9 + [80.0] * 3), 10.0), BAD, "exploded"),
        (diagnosis.r1(lines(d__r1=[0.01] * 9 + [0.5] * 3), 10.0), NOTE, "more than"),
        (diagnosis.r1(lines(d__r1=[0.01] * 9 + [0.0] * 3), 10.0), BAD, "vanished"),
        (
            diagnosis.path_length(
                lines(g__path_length=[1.0] * 9 + [0.0] * 3, g__path_mean=[1.0] * 12)
            ),
            BAD,
            "no longer depends on the style",
        ),
        (
            diagnosis.path_length(
                lines(g__path_length=[1.0] * 9 + [9.0] * 3, g__path_mean=[1.0] * 12)
            ),
            NOTE,
            "far from",
        ),
        (diagnosis.augmentation(lines(d__augment_prob=[0.95] * 12)), NOTE, "too few"),
    ],
)
def test_what_is_ill_is_named(found, state, words):
    assert (found.state, words in found.result) == (state, True), found


def test_nothing_is_said_of_what_is_not_there_or_too_early_to_judge():
    for rule in (diagnosis.discriminator, diagnosis.generator):
        assert rule(lines(views__loss=[1.0] * 20)) is None
    early = lines(d__real_sign=[1.0] * 9, d__r1=[0.0] * 9)
    assert diagnosis.discriminator(early) is None and diagnosis.r1(early, 10.0) is None
    assert (
        diagnosis.r1(lines(d__r1=[0.0] * 20), 0.0) is None
    )  # a weight of 0 wants none
    assert diagnosis.discriminator(lines(d__real_sign=["1", None, True] * 9)) is None


def test_the_checkpoint_whose_sign_was_best_is_named():
    won = lines(d__real_sign=[0.2, 0.45, 0.8] + [0.95] * 12)
    told = diagnosis.discriminator(won, steps=[0, 10, 20, 30, 150])
    assert "--config.embed.steps=first,20)" in told.do


def test_the_balance_is_told_at_the_end_of_its_range():
    for strength, state in ((1.5, GOOD), (64.0, NOTE), (1 / 64, NOTE)):
        told = diagnosis.balance(lines(d__held_back=[strength] * 12), 64.0)
        assert told.state == state
    assert diagnosis.balance(HEALTHY, 64.0) is None


def test_r1_counts_with_the_weight_that_it_had():
    held = lines(d__r1=[0.01] * 12, d__held_back=[0.0] * 2 + [64.0] * 10)
    config = configs.default()
    config.method.balance = "r1_weight"
    told = {one.what: one for one in diagnosis.findings(held, config, steps=[0])}
    assert (told["R1"].state, told["balance"].state) == (NOTE, NOTE)
    assert "adds 3.2 to D's loss" in told["R1"].result  # 10 / 2 x 64 x 0.01


@pytest.mark.parametrize("loss", ["relativistic", "wgan_gp"])
def test_other_games_have_no_zero_to_judge_scores_by(loss):
    config = configs.default()
    config.method.loss = loss
    told = diagnosis.findings(HEALTHY, config, steps=[0])
    assert not {"discriminator", "generator"} & {one.what for one in told}


@pytest.mark.parametrize(
    "what, settings, advised",
    [
        ("numbers", {}, {"method.learning_rate": "0.001"}),
        ("diversity", {}, {"method.learning_rate": "0.001"}),
        ("discriminator", {}, {"method.augment": "fixed"}),
        ("discriminator", {"augment": "fixed"}, {"method.r1_weight": "40"}),
        ("generator", {"augment_kinds": ()}, {"method.r1_weight": "40"}),
        (
            "generator",
            {"augment": "fixed", "r1_weight": 0.0},
            {"method.r1_weight": "1"},
        ),
        (  # in which R1 has no part
            "discriminator",
            {"augment": "fixed", "loss": "wgan_gp"},
            {"method.learning_rate": "0.001"},
        ),
    ],
)
def test_what_is_advised_does_something(what, settings, advised):
    config = configs.default()
    config.data.dir = "somewhere"
    config.method.update(settings)
    assert diagnosis.gentler(what, config) == advised
    before = configs.identity(config)
    configs.override(config, advised)
    config_checks.validate(config, ["train"])
    assert configs.identity(config) != before
