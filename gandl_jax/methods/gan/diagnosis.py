"""Findings about a GAN's networks from its metrics: one function per question.

Each takes the lines of `metrics.jsonl` and returns a finding; None if the metric is
missing, or if it is too early to say. Imports nothing slow.
"""

import math
from collections.abc import Sequence

from gandl_jax.methods import metric_lines, step_choice
from gandl_jax.methods.findings import BAD, GOOD, NOTE, Finding
from gandl_jax.methods.metric_lines import Lines
from gandl_jax.methods.step_rules import balanced_sign

# Mean signs of D on real images (docs/trials.md): from .8 on D had won and its features
# were worse than untrained ones; about 0 it no longer tells images apart, and features
# have fallen in one training and risen in another.
WON, WINNING, BLIND = 0.8, 0.7, 0.1
GUESSING = 2 * math.log(2)  # the logistic loss of a D that knows nothing
R1_TOO_MUCH = 10 * GUESSING  # the game's loss no longer counts (ours)
R1_GONE = 1e-6 * GUESSING  # D gives all images the same answer (ours)
LOST = 5.0  # G's loss if D gives its images a probability of e^-5 (ours)
LEAKS = 0.8  # ADA's probability above which augmentation is drawn too (ADA, sec. 3)
PATHS_GONE = 1e-3  # of the greatest path length (ours)
PATHS_APART = 5.0  # times the running mean, or less than its inverse (ours)
HALVED = 0.5  # of the greatest diversity (ours)
BALANCED = "balanced_sign"  # of methods/step_rules
AT_END = 0.99  # of the range of the balance, in octaves (ours)
# Findings that more augmentation or a weaker D remedies.
D_TOO_STRONG = ("discriminator", "generator")
SLOWER, STRONGER = 0.5, 4.0  # times the learning rate, times R1's weight (ours)


def findings(lines: Lines, config, steps: Sequence[int]) -> list[Finding]:
    """Judges both networks, their regularisers and the augmentation.

    Args:
      lines: of the metrics.
      config: of the training.
      steps: of the checkpoints, from which features can be taken.
    """
    method = config.method
    all_findings = []
    if method.loss == "logistic":  # whose undecided score is 0
        all_findings += [discriminator(lines, steps), generator(lines)]
    all_findings += [
        diversity(lines, method.least_diversity),
        r1(_with_weight(lines, method), method.r1_weight),
    ]
    all_findings += [path_length(lines), augmentation(lines)]
    all_findings += [balance(lines, method.balance_most)]
    return [finding for finding in all_findings if finding]


def gentler(what: str, config) -> dict[str, str]:
    """Returns {key of the config: value} to train again with.

    Args:
      what: name of the finding or the check.
      config: of the training that went bad.
    """
    method = config.method
    if what in D_TOO_STRONG and method.augment == "none" and method.augment_kinds:
        return {"method.augment": "fixed"}
    if what in D_TOO_STRONG and method.loss != "wgan_gp":  # which has no R1
        return {"method.r1_weight": f"{STRONGER * method.r1_weight or 1.0:g}"}
    return {"method.learning_rate": f"{SLOWER * method.learning_rate:g}"}


def discriminator(lines: Lines, steps: Sequence[int] = ()) -> Finding | None:
    """Judges whether D has won or no longer tells images apart (logistic loss).

    Args:
      lines: of the metrics.
      steps: of the checkpoints, from which features can be taken.
    """
    sign = metric_lines.recent(lines, "d/real_sign")
    if sign is None:
        return None
    description = f"its mean sign on real images is {sign:.2f} of late"
    if best_step := step_choice.best(lines, steps, BALANCED):
        embed = (
            f"embed an earlier checkpoint, of which step {best_step} was nearest to "
            f"{balanced_sign.UNDECIDED} (--config.embed.steps=first,{best_step})"
        )
    else:
        embed = "keep more checkpoints next time: earlier ones may have better features"
    if sign >= WON:
        return Finding(
            "discriminator",
            BAD,
            f"it has won: {description}, and from {WON} on features were worse than "
            "untrained ones (it knows the images by heart)",
            f"{embed}; or train anew with more R1 or augmentation",
        )
    if sign >= WINNING:
        return Finding(
            "discriminator",
            NOTE,
            f"it is winning: {description}",
            f"{embed}; from {WON} on train anew with more R1 or augmentation",
        )
    if sign <= BLIND:
        return Finding(
            "discriminator",
            NOTE,
            f"it hardly tells real images from drawn ones: {description} (features "
            "have fallen there, and risen: docs/trials.md)",
            "score several checkpoints (--config.embed.steps=all)",
        )
    return Finding("discriminator", GOOD, f"it sees: {description}")


def generator(lines: Lines) -> Finding | None:
    """Judges whether G has lost (logistic loss)."""
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
    """Judges whether G has collapsed; one that never was diverse is still learning.

    Args:
      lines: of the metrics.
      least: `config.method.least_diversity`; 0 never fails.
    """
    points = metric_lines.points(lines, "g/diversity")
    if not points:
        return None
    step, now = points[-1]
    highest = max(value for _, value in points)
    description = f"{now:.2g} of the real images' at step {step:,}"
    if now < least and highest <= 2 * least:
        return Finding(
            "diversity", GOOD, f"what is drawn varies by {description}, as yet"
        )
    if now < least:
        return Finding(
            "diversity",
            BAD,
            f"the generator has collapsed: what it draws varies by {description}, and "
            f"{least:g} is the least (config.method.least_diversity)",
            "lower the learning rate or raise R1, in a new workdir",
        )
    if now < HALVED * highest:
        return Finding(
            "diversity",
            NOTE,
            f"it has fallen to {description} from {highest:.2g}: the generator may be "
            "collapsing",
            "look at images/, and again later",
        )
    return Finding("diversity", GOOD, f"what is drawn varies by {description}")


def r1(lines: Lines, weight: float) -> Finding | None:
    """Judges whether R1 is in range.

    Args:
      lines: of the metrics.
      weight: `config.method.r1_weight`; the loss has half of it.
    """
    penalty = metric_lines.recent(lines, "d/r1")
    if penalty is None or not weight:
        return None
    share = weight / 2 * penalty
    description = f"it adds {share:.2g} to D's loss of late"
    if share < R1_GONE:
        return Finding(
            "R1",
            BAD,
            f"it has vanished: {description}, so D answers to all images alike",
            "train anew with a lower learning rate or less R1",
        )
    if share > R1_TOO_MUCH:
        return Finding(
            "R1",
            BAD,
            f"it has exploded: {description}, where the game itself is about "
            f"{GUESSING:.2f}",
            "train anew with a lower learning rate",
        )
    if share > GUESSING:
        return Finding(
            "R1",
            NOTE,
            f"{description}, more than the game itself (about {GUESSING:.2f})",
            "look again later; if it stays so, train anew with less R1",
        )
    return Finding("R1", GOOD, description)


def path_length(lines: Lines) -> Finding | None:
    """Judges whether path lengths are in range."""
    length = metric_lines.recent(lines, "g/path_length")
    mean = metric_lines.recent(lines, "g/path_mean")
    if length is None or mean is None:
        return None
    longest = max(value for _, value in metric_lines.points(lines, "g/path_length"))
    description = f"{length:.3g} of late, their running mean {mean:.3g}"
    if length <= PATHS_GONE * longest:
        return Finding(
            "path length",
            BAD,
            f"it has vanished ({description}): what is drawn no longer depends on the "
            "style",
            "train anew with a lower learning rate or a lower path_weight",
        )
    if not mean / PATHS_APART <= length <= mean * PATHS_APART:
        return Finding(
            "path length",
            NOTE,
            f"it is far from what it is held to: {description}",
            "look again later: the mean follows within a few hundred steps",
        )
    return Finding("path length", GOOD, description)


def augmentation(lines: Lines) -> Finding | None:
    """Judges whether ADA's probability is low enough not to leak."""
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


def balance(lines: Lines, most: float) -> Finding | None:
    """Judges whether the balance of both networks has room left.

    Args:
      lines: of the metrics.
      most: `config.method.balance_most`.
    """
    strength = metric_lines.recent(lines, "d/held_back")
    if strength is None or strength <= 0:
        return None
    description = f"the discriminator is held back {strength:.3g} times as strongly"
    if most > 1 and abs(math.log(strength)) >= AT_END * math.log(most):
        return Finding(
            "balance",
            NOTE,
            f"{description} as the config says, the end of the range "
            f"(config.method.balance_most={most:g})",
            "widen the range, or set another balance_target, in a new workdir",
        )
    return Finding("balance", GOOD, f"{description} of late")


def _with_weight(lines: Lines, method) -> Lines:
    """Returns lines whose R1 counts with the weight that it had in them."""
    if method.balance != "r1_weight":
        return lines
    return [
        {**line, "d/r1": line["d/r1"] * line["d/held_back"]}
        for line in lines
        if "d/r1" in line and "d/held_back" in line
    ]
