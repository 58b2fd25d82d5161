"""Classes that a network names for records, as they are and with a channel permuted.

A channel is permuted between records: each record keeps its other channels and gets
this one from another judged record, of any class. The accuracy that this loses is due
to the channel (Breiman 2001, sec. 10, on variables of a forest).
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax.jobs.channel_importance.judged_records import Judged
from gandl_jax.jobs.channel_importance.networks import Answer, Network
from gandl_jax.jobs.channel_importance.record_tiles import RecordTiles
from gandl_jax.jobs.channel_importance.saved_tables import SavedTables
from gandl_jax.jobs.channel_importance.trainings import Training

RECORD = "record"
Update = Callable[[int], None]  # takes the number of newly answered records


@dataclasses.dataclass(frozen=True)
class Question:
    """Images that a network is shown.

    Attributes:
      channel: that comes from other records; None leaves records as they are.
      number: of the permutation, from 0.
    """

    channel: int | None = None
    number: int = 0


def questions(channels: int, permutations: int) -> list[Question]:
    """Lists the questions: records as they are, then each channel permuted often."""
    asked = [Question()]
    for channel in range(channels):
        asked += [Question(channel, number) for number in range(permutations)]
    return asked


@dataclasses.dataclass(frozen=True)
class Asking:
    """Settings with which networks are asked.

    Attributes:
      judged: the records.
      shown: their images.
      kept: earlier answers.
      channels: names of all channels, in the order of the images.
      seed: of the permutations, which are the same for every network.
    """

    judged: Judged
    shown: RecordTiles
    kept: SavedTables
    channels: Sequence[str]
    seed: int

    def ask(
        self,
        training: Training,
        network: Network,
        asked: Sequence[Question],
        update: Update,
    ) -> pd.DataFrame:
        """Returns the classes that a network names.

        Args:
          training: of the network, on all channels or some.
          network: of the training.
          asked: the questions.
          update: takes numbers of records, once for each question.

        Returns:
          [m] rows for the records that can be read, ascending: RECORD, the row in the
          screen's table, and a column for each question and label (`column`), int.
        """
        columns = [
            RECORD,
            *(
                column(label, question)
                for question in asked
                for label in self.judged.names
            ),
        ]
        tables = []
        for number, block in enumerate(self.judged.blocks):
            tables.append(
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
        return pd.concat(tables).astype(np.int64).sort_values(RECORD, ignore_index=True)

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
        """Answers the questions about the records of a block."""
        rows, tiles = self.shown.block(number)
        columns = {RECORD: rows}
        for question in asked:
            images = tiles
            if question.channel is not None:
                seeds = [self.seed, number, question.number]
                givers = derangement(len(rows), np.random.default_rng(seeds))
                images = with_channel_of(tiles, question.channel, givers)
            images = images[..., [self.channels.index(name) for name in channels]]
            for label, codes in _classes(answer, images).items():
                columns[column(label, question)] = codes
        return pd.DataFrame(columns)


def column(label: str, question: Question) -> str:
    """Names the column of a question's answers.

    Args:
      label: label column that is learnt.
      question: asked.
    """
    if question.channel is None:
        return label
    return f"{label}, channel {question.channel} of others, {question.number}"


def derangement(count: int, rng: np.random.Generator) -> np.ndarray:
    """Draws for each of [count] indices another one, each once; count is at least 2."""
    order = rng.permutation(count)
    givers = np.empty(count, np.int64)
    givers[order] = np.roll(order, 1)
    return givers


def with_channel_of(tiles: np.ndarray, channel: int, givers: np.ndarray) -> np.ndarray:
    """Returns tiles [m, T, H, W, C] with one channel from other records."""
    changed = tiles.copy()
    changed[..., channel] = tiles[givers][..., channel]
    return changed


def _classes(answer: Answer, tiles: np.ndarray) -> dict[str, np.ndarray]:
    """Returns label to [m] the likeliest class in the mean over tiles."""
    count, tile_count = tiles.shape[:2]
    probabilities_of_label = answer(tiles.reshape(-1, *tiles.shape[2:]))
    return {
        label: probabilities.reshape(count, tile_count, -1).mean(1).argmax(-1)
        for label, probabilities in probabilities_of_label.items()
    }


def right(
    answers: pd.DataFrame,
    label: str,
    channel: int | None,
    permutations: int,
    is_right: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Returns [m] float64, the share of permutations in which a network is right.

    Args:
      answers: as from `Asking.ask`.
      label: label column that is learnt.
      channel: that is permuted, or None.
      permutations: of the channel, to average over.
      is_right: [m] classes to [m] bool.
    """
    count = 1 if channel is None else permutations
    column_names = [column(label, Question(channel, number)) for number in range(count)]
    return np.mean([is_right(answers[name].to_numpy()) for name in column_names], 0)
