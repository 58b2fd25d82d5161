"""Which class a network takes records for, as they are and with a channel permuted.

A channel is permuted between records: each record keeps its others and gets this one of
another record that is judged, of whatever class. What the network then gets wrong, it
knew by that channel (Breiman 2001, sec. 10, of variables of a forest).
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax.jobs.channel_importance.judged_records import Judged
from gandl_jax.jobs.channel_importance.kept import Kept
from gandl_jax.jobs.channel_importance.networks import Answer, Network
from gandl_jax.jobs.channel_importance.shown import Shown
from gandl_jax.jobs.channel_importance.trainings import Training

RECORD = "record"
Update = Callable[[int], None]  # hears how many records more were answered about


@dataclasses.dataclass(frozen=True)
class Question:
    """What a network is shown.

    Attributes:
      channel: that comes from other records; None: records are as they are.
      number: of the permutation, from 0.
    """

    channel: int | None = None
    number: int = 0


def questions(channels: int, permutations: int) -> list[Question]:
    """As they are, then each channel permuted so often."""
    made = [Question()]
    for channel in range(channels):
        made += [Question(channel, number) for number in range(permutations)]
    return made


@dataclasses.dataclass(frozen=True)
class Asking:
    """How networks are asked.

    Attributes:
      judged: the records.
      shown: their images.
      kept: what has been answered.
      channels: names of all channels, in the order of the images.
      seed: of the permutations, which are the same for every network.
    """

    judged: Judged
    shown: Shown
    kept: Kept
    channels: Sequence[str]
    seed: int

    def ask(
        self,
        training: Training,
        network: Network,
        asked: Sequence[Question],
        update: Update,
    ) -> pd.DataFrame:
        """The classes that a network names.

        Args:
          training: that made it, of all channels or some.
          network: of it.
          asked: what it is shown.
          update: hears of records, once for each question.

        Returns:
          [m] rows, those of the records that can be read, ascending: RECORD, the row of
          the screen's table, and a column for each question and label (`column`), int.
        """
        columns = [RECORD, *(column(n, q) for q in asked for n in self.judged.names)]
        parts = []
        for number, block in enumerate(self.judged.blocks):
            parts.append(
                self.kept.table(
                    f"{training.folder.name}/answers-{number:04d}",
                    self._made_from(training, network, number),
                    columns,
                    functools.partial(
                        self._answers, training.channels, network.answer, asked, number
                    ),
                )
            )
            update(len(block) * len(asked))
        return pd.concat(parts).astype(np.int64).sort_values(RECORD, ignore_index=True)

    def _made_from(
        self, training: Training, network: Network, number: int
    ) -> dict[str, Any]:
        return {
            "network": network.digest,
            "channels": training.channels,
            "orientations": training.config.embed.orientations,
            "block": self.judged.blocks[number],
            "number": number,
            "seed": self.seed,
        }

    def _answers(
        self,
        channels: Sequence[str],
        answer: Answer,
        asked: Sequence[Question],
        number: int,
    ) -> pd.DataFrame:
        """The answers about the records of a block."""
        rows, tiles = self.shown.block(number)
        made = {RECORD: rows}
        for question in asked:
            images = tiles
            if question.channel is not None:
                draw = [self.seed, number, question.number]
                givers = derangement(len(rows), np.random.default_rng(draw))
                images = with_channel_of(tiles, question.channel, givers)
            images = images[..., [self.channels.index(name) for name in channels]]
            for label, codes in _classes(answer, images).items():
                made[column(label, question)] = codes
        return pd.DataFrame(made)


def column(label: str, question: Question) -> str:
    """The name of the column of a question's answers.

    Args:
      label: column that is learnt.
      question: asked.
    """
    if question.channel is None:
        return label
    return f"{label}, channel {question.channel} of others, {question.number}"


def derangement(count: int, rng: np.random.Generator) -> np.ndarray:
    """[count] for each of two or more another one; each is taken once."""
    order = rng.permutation(count)
    givers = np.empty(count, np.int64)
    givers[order] = np.roll(order, 1)
    return givers


def with_channel_of(tiles: np.ndarray, channel: int, givers: np.ndarray) -> np.ndarray:
    """Tiles [m, T, H, W, C], one channel of which is that of other records."""
    changed = tiles.copy()
    changed[..., channel] = tiles[givers][..., channel]
    return changed


def _classes(answer: Answer, tiles: np.ndarray) -> dict[str, np.ndarray]:
    """Label to [m] the class that is likeliest in the mean over tiles."""
    count, each = tiles.shape[:2]
    likely = answer(tiles.reshape(-1, *tiles.shape[2:]))
    return {
        label: x.reshape(count, each, -1).mean(1).argmax(-1)
        for label, x in likely.items()
    }


def right(
    answers: pd.DataFrame,
    label: str,
    channel: int | None,
    permutations: int,
    is_right: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """[m] float64, how often a network is right about records.

    Args:
      answers: as from `Asking.ask`.
      label: column that is learnt.
      channel: that is permuted; None is none.
      permutations: of it, of which this is the mean.
      is_right: [m] classes to [m] bool.
    """
    count = 1 if channel is None else permutations
    named = [column(label, Question(channel, number)) for number in range(count)]
    return np.mean([is_right(answers[name].to_numpy()) for name in named], 0)
