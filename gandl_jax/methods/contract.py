"""The contract between methods and jobs: members of a method, and their users.

A method is a folder `gandl_jax/methods/<name>` with two required modules, `options.py`
(see `Options`; imports nothing slow) and `method.py` (class `Method`, see `Required`
and `Optional`), and three optional ones:

  weights.py    reads networks of files (`Weights`)   train.start_from, embed.checkpoint
  diagnosis.py  rules on metrics (`Diagnosis`)        --job=doctor, and rollbacks
  panels.py     curves of the metrics (`Panels`)      --job=report

docs/contract.md explains it; docs/new_method.md writes a method.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import flax
from jax import Array

from gandl_jax.methods.findings import Finding
from gandl_jax.methods.phase import Phase
from gandl_jax.methods.source import Source

Metrics = Mapping[str, Array]  # "group/name" to a scalar
Batch = Mapping[str, Any]
"""{"images": [B, H, W, C] float32 in [-1, 1], "index": [B] int32 position in the global
batch, "labels": {column: [B] int32 class, -1 if blank}}; of one device."""


@flax.struct.dataclass
class Pair:
    """Two rows of images to compare, in a grid and in the report.

    Attributes:
      left_words, right_words: their captions, such as "original" and "rebuilt"; static
        when the function that makes them is compiled.
      left, right: [N, H, W, C] in [-1, 1].
    """

    left_words: str = flax.struct.field(pytree_node=False)
    left: Array
    right_words: str = flax.struct.field(pytree_node=False)
    right: Array


class Unsound(NamedTuple):
    """The reason why a training must go back, as found by a check.

    Attributes:
      why: a sentence, with the metric and its value.
      metric: by which the checkpoint to go back to is chosen; "" takes the newest.
      least: value of that metric that such a checkpoint needs.
    """

    why: str
    metric: str = ""
    least: float = 0.0


def no_history(notes: Mapping[str, Any]) -> Sequence[Mapping[str, float]]:
    """Returns no history, for checkpoints of versions without such a check."""
    del notes
    return ()


class Check(NamedTuple):
    """A check of a method on its own training.

    Only checks, and numbers that are not finite, roll a training back.

    Attributes:
      name: "diversity".
      every_images: between two looks; it also looks before each checkpoint and grid. 0
        is never.
      fn: fn(state, batch, key) -> metrics; on one device, on the same fixed training
        records (FIXED of them, with labels) and the same key at every look.
      trouble: trouble(history) -> Unsound or None; history is a list of {metric:
        value}, one for each look so far, oldest first.
      former: former(notes) -> history, from the notes of a checkpoint that a version
        without checks wrote.
    """

    name: str
    every_images: int
    fn: Callable[[Any, Batch, Array], Metrics]
    trouble: Callable[[Sequence[Mapping[str, float]]], Unsound | None]
    former: Callable[[Mapping[str, Any]], Sequence[Mapping[str, float]]] = no_history


class Options(Protocol):
    """Module `options.py`: the method's options in a config. Read by `config`.

    Attributes:
      OPTIONS: config.method: {key: default}, with unit and source in a comment.
      MODEL: config.model: sizes of its networks.
      FEATURES: the feature set that is shown first: config.evaluate.features.
      LABELS: "none", "optional" or "needed": its use of config.data.label.
        If that depends on other keys, an optional function labels(config) returns it.
      ARCHITECTURE: keys ("model.width") that a checkpoint's arrays depend on.
      FREE: keys that change no result beyond its rounding.
      RECIPES: {name: {full key: value}}, such as a paper's; chosen by recipe=NAME.
      CITE: references for the report; may be left out.
      MORE_SETS: names in config.embed.more_sets that `Method.embed` knows; may be left
        out.
      REPLACED: keys of ARCHITECTURE, or "data.label", that may differ in a training
        that this one starts from: `start` initialises the layers that depend on them,
        such as a head for other classes; may be left out.
      LOWEST: {key: lowest value} if that is not 0; may be left out.
      MOVED: {former key: present key}, for old flags and workdirs; may be left out.
    """

    OPTIONS: dict[str, Any]
    MODEL: dict[str, Any]
    FEATURES: str
    LABELS: str
    ARCHITECTURE: tuple[str, ...]
    FREE: tuple[str, ...]
    RECIPES: dict[str, dict[str, Any]]
    CITE: tuple[str, ...]
    MORE_SETS: tuple[str, ...]
    REPLACED: tuple[str, ...]
    LOWEST: dict[str, float]
    MOVED: dict[str, str]

    def check(self, config) -> None:
        """Refuses ranges, choices and combinations: InputError, one clear sentence."""

    def doubt(self, config) -> str:
        """Returns why these options can learn nothing, or ""; may be left out."""

    def small(self, config) -> None:
        """Sets sizes that two cores train in minutes."""

    def smoke(self, config) -> None:
        """Sets sizes that take seconds; nothing is learnt."""


class Required(Protocol):
    """Class `Method` of `method.py`: the required members.

    Attributes:
      phases: the parts of a step, in order; by training and --job=benchmark, plan.
      unit: samples that must stay together on one device, in one micro-batch.
    """

    phases: Sequence[Phase]
    unit: int

    def __init__(self, config, source: Source):
        """Called once by each job with the whole config; nothing is computed here."""

    def init(self, key: Array) -> Any:
        """Makes the state at step 0: a flax.struct.dataclass with `step`. train."""

    def items(self, state: Any) -> dict[str, Any]:
        """Returns a checkpoint: {"encoder": for `embed`, "train": state}. train."""

    def embed(self, encoder: Any, images: Array) -> dict[str, Array]:
        """Returns {feature set: [B, D] float32} of [B, H, W, C] in [-1, 1]. embed."""


class Optional(Protocol):
    """Optional members of class `Method`, with the jobs that use them."""

    checks: Sequence[Check]  # train, benchmark
    side_by_side: tuple[str, int] | None
    """(unit, K): K samples of one unit follow one another in batches. train.

    Samples 0 .. K - 1 of a batch are of one "well", say, the next K of another, and so
    on: any unit of `profiles/groups.py` in which every training record has a group.
    They are K different records; if the unit has fewer, all of them round robin, so
    that ("site", 2) is two crops of a site of one record. A unit of n records makes
    ceil(n / K) groups in an epoch, shuffled with all others: two of one unit may meet
    in a batch. Augmentation, keys and labels are per sample. All K samples are on one
    device: `Method.unit` must be a multiple of K. `checks` and `show` see the first
    FIXED samples, whole groups if K divides that; `validate` and `embed` see records
    without groups. With K = 1 or None any order will do; else
    config.data.crops_per_site must be 1."""

    def samples(self, state: Any, keys: Array, labels: Mapping[str, Array]) -> Array:
        """Generates images [N, H, W, C], one for each of N keys.

        train, generate, generated_quality.

        Args:
          state: of the training.
          keys: [N], one per image.
          labels: {column: [N] int32}, classes to draw; {} without labels.
        """

    def show(self, state: Any, batch: Batch, key: Array) -> Sequence[Pair]:
        """Pairs for fixed training images (`FIXED`). Grids of train, report."""

    def answer(self, encoder: Any, images: Array) -> dict[str, Array]:
        """Returns the probability of each class of `Source.classes`.

        {column: [B, classes] float32 of sum 1} of [B, H, W, C] in [-1, 1].
        channel_importance.
        """

    def summary(self, encoder: Any) -> dict[str, list[dict[str, Any]]]:
        """Returns {table name: rows} of plain numbers and text. embed, for report.

        If the network weighs channels by fixed numbers, a table named IMPORTANCE has a
        row {"channel": name, "importance": x} for each channel, x of sum 1, which
        channel_importance reads.
        """

    def validate(self, state: Any, batch: Batch) -> dict[str, Array]:
        """Returns {name: [B]} of validation tiles, NaN for those without a label.

        The tiles are of all records that config.train.validation sets aside. Pure, for
        one device, without random numbers. train, at every log: the mean over records
        of the means over their tiles is the metric "validation/<name>".
        """

    def done(self, history: Sequence[Mapping[str, float]]) -> str:
        """Returns why to stop early, or "". train, at every log.

        Args:
          history: {"validation/loss": mean} of each log so far, oldest first.
        """

    def pool(self, encoder: Any, sets: Mapping[str, Array]) -> dict[str, Array]:
        """Pools a site's {set: [tiles, D]} to {set: [D]}; default: the mean. embed."""

    def trained(self, state: Any) -> Any:
        """Returns the networks that another training may start from. train.start_from.

        Their method `for_channels(sources)` returns the same for other channels.
        """

    def start(self, state: Any, networks: Any) -> Any:
        """Returns a state with given networks. train.start_from, model.weights.

        Layers that the networks lack, such as another head, stay as in `state`.
        """

    def files(self) -> dict[str, str]:
        """Returns {key of the config: SHA-256} of files read at every start. train.

        They are, for example, fixed networks that no checkpoint holds. They are read
        here, and so refused before anything is written; content that differs from the
        first start's is refused too.

        Raises:
          InputError: a file is missing, damaged or does not fit.
        """

    def published(self) -> Any:
        """Reads the networks of `config.model.weights`, for `start`. train.

        Needed if `MODEL` has `weights` (`backbone_options.MODEL`), which `init` does
        not read: its networks are random, as a floor.
        """


class Weights(Protocol):
    """Module `weights.py`: networks in files, and checks that they fit."""

    def read(self, file, name: str) -> tuple[Any, Any]:
        """Reads (networks to start from, their sizes). train.start_from."""

    def read_encoder(self, file, name: str) -> tuple[Any, Any]:
        """Reads (encoder's parameters, their sizes). embed.checkpoint."""

    def encoder(self, network: Any, sources: Sequence[int | None]) -> Any:
        """Returns a checkpoint's item "encoder" of a network read. embed.checkpoint."""

    def sizes(self, config, channels: Sequence[str], classes: int) -> Any:
        """Returns the sizes of a config's networks. train.start_from."""

    def refuse_other_sizes(self, name: str, ours: Any, theirs: Any) -> None:
        """Raises InputError with the settings that would fit. train.start_from."""

    def configure(self, config, sizes: Any) -> None:
        """Sets in a config the sizes of a network read. embed.checkpoint."""


class Diagnosis(Protocol):
    """Module `diagnosis.py`: findings from metrics; imports nothing slow."""

    def findings(
        self, lines: Sequence[Mapping[str, Any]], config, steps: Sequence[int]
    ) -> list[Finding]:
        """Judges lines of metrics.jsonl, with the checkpoints' steps. doctor."""

    def gentler(self, what: str, config) -> dict[str, str]:
        """Returns {key: value} for training after a BAD `what`. doctor, rollbacks."""


class Panels(Protocol):
    """Module `panels.py`: a training's curves in the report; imports nothing slow."""

    PANELS: dict[str, tuple[str, dict[str, str]]]
    """{caption: (axis, {metric: its name in the legend})}. report."""
    FACTS: dict[str, str]
    """{name on the page: key of the config}, for the table of the training. report."""


class SamplePanels(Panels, Protocol):
    """Module `panels.py` of a method with `samples`."""

    PICTURES: str
    """What to expect of pictures, and after how many images; optional. report."""


IMPORTANCE = "importance of channels"  # a table of `summary`
FIXED = 16  # number of training records that `show` and `checks` always see
