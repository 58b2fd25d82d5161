"""What a GAN's metrics say of its networks, in words: one function a question.

Each takes the lines of `metrics.jsonl` and gives a finding; None where there is no such
metric, or where it is too early to say. Imports nothing slow.
"""

import math
from collections.abc import Sequence

from gandl_jax.methods import metric_lines
from gandl_jax.methods.findings import BAD, GOOD, NOTE, Finding
from gandl_jax.methods.metric_lines import Lines

# Of the mean sign of D on real images (docs/trials.md): from .8 on D had won and its
# features were worse than untrained ones, at .06 it had stopped seeing.
WON, WINNING, BEST, BLIND = 0.8, 0.7, 0.5, 0.1
GUESSING = 2 * math.log(2)  # the logistic loss of a D that knows nothing
R1_TOO_MUCH = 10 * GUESSING  # beside which the game no longer counts (ours)
R1_GONE = 1e-6 * GUESSING  # D gives all images the same answer (ours)
LOST = 5.0  # G's loss where D gives e^-5 to what it draws (ours)
LEAKS = 0.8  # ADA's probability above which augmentation is drawn too (ADA, sec. 3)
PATHS_GONE = 1e-3  # of the greatest path length (ours)
PATHS_APART = 5.0  # times the running mean, or less than its inverse (ours)
HALVED = 0.5  # of the greatest diversity (ours)
# Findings that more variety answers, or a weaker D.
D_TOO_STRONG = ("discriminator", "generator")
SLOWER, STRONGER = 0.5, 4.0  # times the learning rate, times R1's weight (ours)


def findings(lines: Lines, config, steps: Sequence[int]) -> list[Finding]:
    """What is found of both networks, their regularisers and the augmentation.

    Args:
      lines: of the metrics.
      config: of the training.
      steps: of the checkpoints, from which features can be taken.
    """
    method = config.method
    found = []
    if method.loss == "logistic":  # whose scores have a zero of their own
        found += [discriminator(lines, steps), generator(lines)]
    found += [diversity(lines, method.least_diversity), r1(lines, method.r1_weight)]
    found += [path_length(lines), augmentation(lines)]
    return [one for one in found if one]


def gentler(what: str, config) -> dict[str, str]:
    """Key of the config to another value, to train anew with.

    Args:
      what: the finding is of, or the check.
      config: of the training that went bad.
    """
    method = config.method
    if what in D_TOO_STRONG and method.augment == "none" and method.augment_kinds:
        return {"method.augment": "fixed"}
    if what in D_TOO_STRONG and method.loss != "wgan_gp":  # which has no R1
        return {"method.r1_weight": f"{STRONGER * method.r1_weight or 1.0:g}"}
    return {"method.learning_rate": f"{SLOWER * method.learning_rate:g}"}


def discriminator(lines: Lines, steps: Sequence[int] = ()) -> Finding | None:
    """Has D won, or does it no longer see? For the logistic loss.

    Args:
      lines: of the metrics.
      steps: of the checkpoints, from which features can be taken.
    """
    sign = metric_lines.recent(lines, "d/real_sign")
    if sign is None:
        return None
    says = f"its mean sign on real images is {sign:.2f} of late"
    if best := _best_step(lines, steps):
        embed = (
            f"embed an earlier checkpoint, of which step {best} was nearest to {BEST} "
            f"(--config.embed.steps=first,{best})"
        )
    else:
        embed = "keep more checkpoints next time: earlier ones may have better features"
    if sign >= WON:
        return Finding(
            "discriminator",
            BAD,
            f"it has won: {says}, and from {WON} on features were worse than untrained "
            "ones (it knows the images by heart)",
            f"{embed}; or train anew with more R1 or augmentation",
        )
    if sign >= WINNING:
        return Finding(
            "discriminator",
            NOTE,
            f"it is winning: {says} (features are best about {BEST})",
            f"{embed}; from {WON} on train anew with more R1 or augmentation",
        )
    if sign <= BLIND:
        return Finding(
            "discriminator",
            NOTE,
            f"it hardly tells real images from drawn ones: {says} (features are best "
            f"about {BEST}, and fade as it stops seeing)",
            embed,
        )
    return Finding(
        "discriminator", GOOD, f"it sees: {says} (features are best about {BEST})"
    )


def _best_step(lines: Lines, steps: Sequence[int]) -> int | None:
    """The checkpoint after step 0 whose line's sign was nearest to the best."""
    signs = metric_lines.points(lines, "d/real_sign")
    found = {}
    for step in steps:
        if step and signs:
            _, found[step] = min(signs, key=lambda point: abs(point[0] - step))
    return min(found, key=lambda step: abs(found[step] - BEST), default=None)


def generator(lines: Lines) -> Finding | None:
    """Has G lost? For the logistic loss."""
    loss = metric_lines.recent(lines, "g/loss")
    if loss is None:
        return None
    if loss > LOST:
        return Finding(
            "generator",
            BAD,
            f"it has lost: its loss is {loss:.3g} of late, so D is certain of whatever "
            "it draws and teaches it little",
            "train anew with a lower learning rate, or more R1 or augmentation",
        )
    return Finding("generator", GOOD, f"it keeps up: its loss is {loss:.3g} of late")


def diversity(lines: Lines, least: float) -> Finding | None:
    """Has G collapsed? One that never was diverse is still learning.

    Args:
      lines: of the metrics.
      least: `config.method.least_diversity`; 0 is none.
    """
    found = metric_lines.points(lines, "g/diversity")
    if not found:
        return None
    step, now = found[-1]
    most = max(value for _, value in found)
    says = f"{now:.2g} of the real images' at step {step:,}"
    if now < least and most <= 2 * least:
        return Finding("diversity", GOOD, f"what is drawn varies by {says}, as yet")
    if now < least:
        return Finding(
            "diversity",
            BAD,
            f"the generator has collapsed: what it draws varies by {says}, and "
            f"{least:g} is the least (config.method.least_diversity)",
            "lower the learning rate or raise R1, in a new workdir",
        )
    if now < HALVED * most:
        return Finding(
            "diversity",
            NOTE,
            f"it has fallen to {says} from {most:.2g}: the generator may be collapsing",
            "look at images/, and again later",
        )
    return Finding("diversity", GOOD, f"what is drawn varies by {says}")


def r1(lines: Lines, weight: float) -> Finding | None:
    """Is R1 in range?

    Args:
      lines: of the metrics.
      weight: `config.method.r1_weight`; the loss has half of it.
    """
    penalty = metric_lines.recent(lines, "d/r1")
    if penalty is None or not weight:
        return None
    part = weight / 2 * penalty
    says = f"it adds {part:.2g} to D's loss of late"
    if part < R1_GONE:
        return Finding(
            "R1",
            BAD,
            f"it has vanished: {says}, so D answers to all images alike",
            "train anew with a lower learning rate or less R1",
        )
    if part > R1_TOO_MUCH:
        return Finding(
            "R1",
            BAD,
            f"it has exploded: {says}, where the game itself is about {GUESSING:.2f}",
            "train anew with a lower learning rate",
        )
    if part > GUESSING:
        return Finding(
            "R1",
            NOTE,
            f"{says}, more than the game itself (about {GUESSING:.2f})",
            "look again later; if it stays so, train anew with less R1",
        )
    return Finding("R1", GOOD, says)


def path_length(lines: Lines) -> Finding | None:
    """Are path lengths in range?"""
    length = metric_lines.recent(lines, "g/path_length")
    mean = metric_lines.recent(lines, "g/path_mean")
    if length is None or mean is None:
        return None
    most = max(value for _, value in metric_lines.points(lines, "g/path_length"))
    says = f"{length:.3g} of late, their running mean {mean:.3g}"
    if length <= PATHS_GONE * most:
        return Finding(
            "path length",
            BAD,
            f"it has vanished ({says}): what is drawn no longer depends on the style",
            "train anew with a lower learning rate or a lower path_weight",
        )
    if not mean / PATHS_APART <= length <= mean * PATHS_APART:
        return Finding(
            "path length",
            NOTE,
            f"it is far from what it is held to: {says}",
            "look again later: the mean follows within a few hundred steps",
        )
    return Finding("path length", GOOD, says)


def augmentation(lines: Lines) -> Finding | None:
    """Does ADA's probability stay where augmentation does not leak?"""
    prob = metric_lines.recent(lines, "d/augment_prob")
    if prob is None:
        return None
    if prob > LEAKS:
        return Finding(
            "augmentation",
            NOTE,
            f"its probability is {prob:.2f} of late: above {LEAKS} what it does to "
            "images is drawn too, and there are too few images for this network",
            "use more images, a smaller network or more R1, in a new workdir",
        )
    return Finding("augmentation", GOOD, f"its probability is {prob:.2f} of late")
