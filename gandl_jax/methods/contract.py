"""The contract between methods and jobs: what a method's folder holds, who asks for it.

A method is a folder `gandl_jax/methods/<name>` with two modules that must be there,
`options.py` (see `Options`; imports nothing slow) and `method.py` (class `Method`, see
`Required` and `Optional`), and three that are asked for by name where they are:

  weights.py    reads networks of files (`Weights`)   train.start_from, embed.checkpoint
  diagnosis.py  rules on metrics (`Diagnosis`)        --job=doctor, and rollbacks
  panels.py     curves of the metrics (`Panels`)      --job=report

docs/contract.md tells the same to a stranger; docs/new_method.md writes one out.
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
"""{"images": [B, H, W, C] float32 in [-1, 1], "index": [B] int32 place in the global
batch, "labels": {column: [B] int32 class, -1 where blank}}; of one device."""


@flax.struct.dataclass
class Pair:
    """Two rows of images to be held against one another, in a grid and in the report.

    Attributes:
      left_words, right_words: what they are, such as "original" and "rebuilt"; known
        when the function that makes them is compiled.
      left, right: [N, H, W, C] in [-1, 1].
    """

    left_words: str = flax.struct.field(pytree_node=False)
    left: Array
    right_words: str = flax.struct.field(pytree_node=False)
    right: Array


class Unsound(NamedTuple):
    """Why a training must go back, as a check finds it.

    Attributes:
      why: in words, with the metric and its value.
      metric: that a checkpoint is chosen by; "" takes the newest.
      least: of that metric, for a checkpoint to go on from.
    """

    why: str
    metric: str = ""
    least: float = 0.0


def no_history(notes: Mapping[str, Any]) -> Sequence[Mapping[str, float]]:
    """The history in a checkpoint of a version that had no such check."""
    del notes
    return ()


class Check(NamedTuple):
    """A look that a method takes at its own training.

    Besides numbers that are not finite it alone rolls a training back.

    Attributes:
      name: "diversity".
      every_images: between two looks; also before each checkpoint and grid. 0 is never.
      fn: fn(state, batch, key) -> metrics; on one device, on the same fixed training
        records (FIXED of them, with labels) and the same key at every look.
      trouble: trouble(history) -> Unsound or None; history is a list of {metric:
        value}, one for each look so far, oldest first.
      former: former(notes) -> history, by the notes of a checkpoint that a version
        without checks wrote.
    """

    name: str
    every_images: int
    fn: Callable[[Any, Batch, Array], Metrics]
    trouble: Callable[[Sequence[Mapping[str, float]]], Unsound | None]
    former: Callable[[Mapping[str, Any]], Sequence[Mapping[str, float]]] = no_history


class Options(Protocol):
    """Module `options.py`: what a config may hold of the method. Read by `config`.

    Attributes:
      OPTIONS: config.method: key to default, with unit and source in a comment.
      MODEL: config.model: sizes of its networks.
      FEATURES: the feature set that is shown first: config.evaluate.features.
      LABELS: "none", "optional" or "needed": what it does with config.data.label.
        Where that depends on other keys, a function labels(config) gives it; it may be
        left out.
      ARCHITECTURE: keys ("model.width") that a checkpoint's arrays depend on.
      FREE: keys that change no result, or its rounding alone.
      RECIPES: name to {full key: value}, such as a paper's own; chosen by recipe=NAME.
      CITE: what a report cites; may be left out.
      REPLACED: keys of ARCHITECTURE, or "data.label", that may be others in a training
        that this one starts from: `start` makes anew what depends on them, such as a
        head for other classes; may be left out.
      LOWEST: key to its lowest value where that is not 0; may be left out.
      MOVED: former key to the key of now, for old flags and workdirs; may be left out.
    """

    OPTIONS: dict[str, Any]
    MODEL: dict[str, Any]
    FEATURES: str
    LABELS: str
    ARCHITECTURE: tuple[str, ...]
    FREE: tuple[str, ...]
    RECIPES: dict[str, dict[str, Any]]
    CITE: tuple[str, ...]
    REPLACED: tuple[str, ...]
    LOWEST: dict[str, float]
    MOVED: dict[str, str]

    def check(self, config) -> None:
        """Refuses ranges, choices and combinations: InputError, one clear sentence."""

    def small(self, config) -> None:
        """Sets sizes that two cores train in minutes."""

    def smoke(self, config) -> None:
        """Sets sizes that take seconds; nothing is learnt."""


class Required(Protocol):
    """Class `Method` of `method.py`: what every method has.

    Attributes:
      phases: the parts of a step, in order; by training and --job=benchmark, plan.
      unit: samples that must stay together on one device, in one part of a batch.
    """

    phases: Sequence[Phase]
    unit: int

    def __init__(self, config, source: Source):
        """Made once by each job, of the whole config; nothing is computed here."""

    def init(self, key: Array) -> Any:
        """A state at step 0: a flax.struct.dataclass of arrays, with `step`. train."""

    def items(self, state: Any) -> dict[str, Any]:
        """{"encoder": what `embed` takes, "train": state}: a checkpoint. train."""

    def embed(self, encoder: Any, images: Array) -> dict[str, Array]:
        """{feature set: [B, D] float32} of [B, H, W, C] in [-1, 1]. embed."""


class Optional(Protocol):
    """What class `Method` may have besides, with the job that asks for it."""

    checks: Sequence[Check]  # train, benchmark
    side_by_side: tuple[str, int] | None
    """(unit, K): what follows one another in batches, all on one device. train.

    Samples 0 .. K - 1 of a batch are of one "well", say, the next K of one again, and
    so on: any unit of `profiles/groups.py`, of which every training record has a group.
    They are K records, none twice; where the unit has fewer, all of them round robin,
    so that ("site", 2) is two crops of a site of one record. A unit of n records makes
    ceil(n / K) groups in an epoch, shuffled with all others: two of one unit may meet
    in a batch. Augmentation, keys and labels are each sample's own. `Method.unit` must
    be a multiple of K. What `checks` and `show` see are the first FIXED samples, whole
    groups where K divides that; what `validate` and `embed` see is not grouped. With
    K = 1 or None any order will do; else config.data.crops_per_site must be 1."""

    def samples(self, state: Any, keys: Array, labels: Mapping[str, Array]) -> Array:
        """[N, H, W, C] generated images, one for each of N keys. train, generate.

        Args:
          state: of the training.
          keys: [N], one per image.
          labels: column to [N] int32 classes to draw; {} without labels.
        """

    def show(self, state: Any, batch: Batch, key: Array) -> Sequence[Pair]:
        """What it makes of fixed training images (`FIXED`). train's grids, report."""

    def answer(self, encoder: Any, images: Array) -> dict[str, Array]:
        """{column: [B, classes] float32 of sum 1} of [B, H, W, C] in [-1, 1].

        How likely each class of `Source.classes` is. channel_importance.
        """

    def summary(self, encoder: Any) -> dict[str, list[dict[str, Any]]]:
        """{table name: rows} of plain numbers and text. embed keeps it for report.

        A table of the name IMPORTANCE has {"channel": name, "importance": x} of each
        channel, x of sum 1, where the network weighs channels by fixed numbers:
        channel_importance reads it.
        """

    def validate(self, state: Any, batch: Batch) -> dict[str, Array]:
        """{name: [B]} of each sample, NaN where it does not count (a blank label).

        Of the tiles of all records that config.train.validation sets aside. Pure, for
        one device, without random numbers. train, at every log: the mean over records
        of the means over their tiles is the metric "validation/<name>".
        """

    def done(self, history: Sequence[Mapping[str, float]]) -> str:
        """Why to stop early; "" goes on. train, at every log.

        Args:
          history: {"validation/loss": mean} of each log so far, oldest first.
        """

    def pool(self, encoder: Any, sets: Mapping[str, Array]) -> dict[str, Array]:
        """{set: [D]} of one site from {set: [tiles, D]}; else their mean. embed."""

    def trained(self, state: Any) -> Any:
        """The networks that another training may start from. train.start_from.

        They have `for_channels(sources)`, which gives the same for other channels.
        """

    def start(self, state: Any, networks: Any) -> Any:
        """A new state whose networks are those given. train.start_from, model.weights.

        What the networks lack, such as another head, stays as it is in the state.
        """

    def files(self) -> dict[str, str]:
        """{full key of the config: SHA-256} of files that every start reads.

        Networks that stay as they are, say, which no checkpoint holds. They are read
        here, and so refused before anything is written; other content than at the
        first start is refused too. train.

        Raises:
          InputError: one is not there, is damaged or does not fit.
        """

    def published(self) -> Any:
        """The networks of `config.model.weights`, for `start`; of files. train.

        Where `MODEL` has `weights` (`backbone_options.MODEL`), which `init` knows
        nothing of: it gives random ones, the floor.
        """


class Weights(Protocol):
    """Module `weights.py`: networks in files, and which of them fit."""

    def read(self, file, name: str) -> tuple[Any, Any]:
        """(networks to start from, their sizes). train.start_from."""

    def read_encoder(self, file, name: str) -> tuple[Any, Any]:
        """(encoder's parameters, their sizes). embed.checkpoint."""

    def encoder(self, found: Any, sources: Sequence[int | None]) -> Any:
        """The checkpoint item "encoder" of what was read. embed.checkpoint."""

    def sizes(self, config, channels: Sequence[str], classes: int) -> Any:
        """The sizes of a config's networks. train.start_from."""

    def refuse_other_sizes(self, name: str, ours: Any, theirs: Any) -> None:
        """InputError with the settings that would fit. train.start_from."""

    def configure(self, config, sizes: Any) -> None:
        """Sets in a config the sizes of what was read. embed.checkpoint."""


class Diagnosis(Protocol):
    """Module `diagnosis.py`: what metrics say in words; imports nothing slow."""

    def findings(
        self, lines: Sequence[Mapping[str, Any]], config, steps: Sequence[int]
    ) -> list[Finding]:
        """What the lines of metrics.jsonl, and the checkpoints' steps, tell. doctor."""

    def gentler(self, what: str, config) -> dict[str, str]:
        """{key: value} to train with after a BAD finding `what`. doctor, rollbacks."""


class Panels(Protocol):
    """Module `panels.py`: what the report shows of a training; imports nothing slow."""

    PANELS: dict[str, tuple[str, dict[str, str]]]
    """Caption to (axis, {metric: its name in the legend}). report."""
    FACTS: dict[str, str]
    """Name on the page to a key of the config, among the facts of training. report."""


IMPORTANCE = "importance of channels"  # a table of `summary`
FIXED = 16  # training records that `show` and `checks` look at, always the same
