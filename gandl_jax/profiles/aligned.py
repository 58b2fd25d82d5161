"""Feature sets of a screen, side by side: read on demand, with the same rows in each.

A set of a large screen takes gigabytes, so only a few are in memory at a time.
"""

import collections
import copy
import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from etils import epath

from gandl_jax.errors import InputError
from gandl_jax.profiles import feature_set, groups, held_out, joined, store, table
from gandl_jax.profiles.aggregate import well_means
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.profiles.scratch import Scratch
from gandl_jax.profiles.seen import Seen

WITHIN = "config.evaluate.within"
KEPT_BYTES = 2**31  # of features that stay in memory for the next reader (ours)


@dataclasses.dataclass(frozen=True)
class _Source:
    """Directory of a set, and the row of each judged record in it.

    Of a joined set it is that of its encoder, and `parts` are its parts' full names.
    """

    directory: epath.Path
    short_name: str
    seen: Seen
    rows: np.ndarray
    parts: tuple[str, ...] = ()


class AlignedSets(Mapping[str, FeatureSet]):
    """Sets by full name, each of the same N records in the same order.

    If any set is of wells, the others are averaged to wells, too.

    Attributes:
      metadata: [N] rows of Metadata_* columns.
      by_well: whether a row is a well's mean.
      records: how many records there are in any of the sets.
      common: how many of them are in all sets.
      within: the groups of records that are judged, N in all; "" is all.
    """

    def __init__(
        self,
        directories: Sequence[epath.Path],
        headline: str,
        records: pd.DataFrame | None = None,
        within: str = "",
        join: str = "",
    ):
        """Reads the records' names, but no features.

        Args:
          directories: profiles/<dataset>/<encoder>, complete, in order.
          headline: the short name of the sets that come first.
          records: the screen's present `Metadata_*` columns; a set whose records are
            all among them takes these instead of those it was written with.
          within: `config.evaluate.within`, the groups that are judged; "" is all.
          join: short name of a set to make of others for every network that has all
            of them (`joined`), such as "b64+classical"; nothing else if it has no plus.

        Raises:
          InputError: two sets are not of the same records, and none of the sets may
            lack some (as an import with unmatched=skip, or an embedding that skipped
            unreadable records).
        """
        notes = {directory: store.made_from(directory) for directory in directories}
        self.by_well = any(note.get("level") == "well" for note in notes.values())
        self._records, self._wells = records, None
        if self.by_well and records is not None:
            self._wells = self._at_level(records)
        written = {
            directory: table.as_meant(
                self._labelled(
                    store.read_metadata(directory), notes[directory], directory
                )
            )
            for directory in directories
        }
        tables = {
            directory: self._at_level(metadata)
            for directory, metadata in written.items()
        }
        ids = {
            directory: pd.Index(table.record_ids(metadata, table_name=directory.name))
            for directory, metadata in tables.items()
        }
        skips = any(
            note.get("unmatched") == "skip" or note.get("skips_bad_records")
            for note in notes.values()
        )
        names = {
            feature_set.full_name(directory.name, short_name): (directory, short_name)
            for directory in directories
            for short_name in store.widths(directory)
        }
        parts = {}
        for directory in filter(_is_network, directories):
            name = feature_set.full_name(directory.name, join)
            parts[name] = joined.parts(name, names)
            if parts[name]:
                names[name] = directory, join
        order = sorted(names, key=lambda name: names[name][1] != headline)
        first = names[order[0]][0]
        common, self.records = _common(first, ids, skips=skips)
        self.common, self.within = len(common), within
        if within:
            first_table = tables[first].iloc[ids[first].get_indexer(common)]
            common = common[groups.chosen(first_table, within, key=WITHIN)]
        rows = {
            directory: set_ids.get_indexer(common) for directory, set_ids in ids.items()
        }
        seen = {
            directory: self._seen(directory, written[directory]).take(rows[directory])
            for directory in directories
        }
        self.metadata = held_out.add_column(
            tables[first].iloc[rows[first]].reset_index(drop=True), seen.values()
        )
        self._sources = {
            name: _Source(
                directory,
                short_name,
                seen[directory],
                rows[directory],
                parts.get(name, ()),
            )
            for name, (directory, short_name) in ((name, names[name]) for name in order)
        }
        self._kept: collections.OrderedDict[str, FeatureSet] = collections.OrderedDict()
        self._scratch = Scratch()

    def without_features(self) -> "AlignedSets":
        """Returns a copy that holds no features in memory yet."""
        same = copy.copy(self)
        same._kept = collections.OrderedDict()
        return same

    def held_out_as(self, metadata: pd.DataFrame) -> "AlignedSets":
        """Returns a copy, without features, that holds out what others hold out.

        Args:
          metadata: [N] rows of the same records; its column of held-out records counts,
            also where there is none.
        """
        same = self.without_features()
        same._scratch = Scratch()
        own = self.metadata.drop(columns=held_out.COLUMN, errors="ignore")
        if held_out.COLUMN in metadata:
            column = metadata[held_out.COLUMN].to_numpy(object)
            own = own.assign(**{held_out.COLUMN: column})
        same.metadata = own
        return same

    def __getitem__(self, name: str) -> FeatureSet:
        """Reads a set, or takes it from those read before."""
        source = self._sources[name]
        if name in self._scratch:
            return self._made(name, self._scratch[name])
        if name in self._kept:
            self._kept.move_to_end(name)
            return self._kept[name]
        # Reading needs room for two: the one before may go first.
        self._forget(KEPT_BYTES // 2)
        features = self._aligned(source)
        if self._scratch.keep(name, features):
            return self._made(name, self._scratch[name])
        self._kept[name] = opened_set = self._made(name, features)
        self._forget(KEPT_BYTES)
        return opened_set

    def _aligned(self, source: _Source) -> np.ndarray:
        """Reads [N, D] float32 of the judged records; parts side by side."""
        if source.parts:
            return np.concatenate([self[part].features for part in source.parts], 1)
        features = self._read(source)
        if np.array_equal(source.rows, np.arange(len(features))):
            return features
        return features[source.rows]

    def _read(self, source: _Source) -> np.ndarray:
        """Reads [N, D] float32 of the records, or wells, of a source's own table."""
        directory, name = source.directory, source.short_name
        if not self.by_well:
            return store.read_features(directory, name)
        sites, note = store.read(directory, [name])[name], store.made_from(directory)
        metadata = table.as_meant(self._labelled(sites.metadata, note, directory))
        return well_means(FeatureSet(name, metadata, sites.features)).features

    def _made(self, name: str, features: np.ndarray) -> FeatureSet:
        return FeatureSet(name, self.metadata, features, self._sources[name].seen)

    def __iter__(self) -> Iterator[str]:
        """Iterates over full names, the headline's first."""
        return iter(self._sources)

    def __len__(self) -> int:
        """Counts the sets."""
        return len(self._sources)

    def of_encoder(self, encoder: str) -> "SomeSets":
        """Returns the sets of one encoder."""
        names = [name for name in self if feature_set.encoder(name) == encoder]
        return SomeSets(self, names)

    def _forget(self, limit: int) -> None:
        while sum(kept.features.nbytes for kept in self._kept.values()) > limit:
            self._kept.popitem(last=False)

    def _labelled(
        self, metadata: pd.DataFrame, note: Mapping, directory: epath.Path
    ) -> pd.DataFrame:
        """Metadata of a set's records as the screen has them now, if it has them all.

        Else the set's own metadata.
        """
        known = self._wells if note.get("level") == "well" else self._records
        if known is None:
            return metadata
        ids = table.record_ids(metadata, table_name=directory.name)
        index = pd.Index(table.record_ids(known, table_name="the prepared screen"))
        positions = index.get_indexer(ids)
        if (positions < 0).any():
            _check_labels(
                metadata[positions >= 0],
                known.iloc[positions[positions >= 0]],
                directory,
            )
            return metadata
        return known.iloc[positions].reset_index(drop=True)

    def _seen(self, directory: epath.Path, metadata: pd.DataFrame) -> Seen:
        """Reads what an encoder saw of the records, or wells, of its own table."""
        seen = store.read_seen(directory, metadata)
        return seen.of_groups(table.wells(metadata)) if self.by_well else seen

    def _at_level(self, metadata: pd.DataFrame) -> pd.DataFrame:
        if not self.by_well:
            return metadata
        nothing = np.zeros((len(metadata), 0), np.float32)
        return well_means(FeatureSet("", metadata, nothing)).metadata


def _is_network(directory: epath.Path) -> bool:
    return feature_set.is_network(directory.name)


class SomeSets(Mapping[str, FeatureSet]):
    """Some of the sets, read on demand like all.

    Args:
      sets: full name -> set.
      names: full names of those that are chosen.
    """

    def __init__(self, sets: Mapping[str, FeatureSet], names: Sequence[str]):
        self._sets, self._names = sets, list(names)

    def __getitem__(self, name: str) -> FeatureSet:
        """Reads a set."""
        if name not in self._names:
            raise KeyError(name)
        return self._sets[name]

    def __iter__(self) -> Iterator[str]:
        """Iterates over full names, in order."""
        return iter(self._names)

    def __len__(self) -> int:
        """Counts the sets."""
        return len(self._names)


def _check_labels(
    written: pd.DataFrame, known: pd.DataFrame, directory: epath.Path
) -> None:
    """Refuses a set with more records than the screen, and with other labels.

    Args:
      written: [n] rows of Metadata_* columns, as the set was written.
      known: [n] rows of the same records, as the screen describes them now.
      directory: of the set.

    Raises:
      InputError: labels differ, so those of the records that the screen lacks are out
        of date, too.
    """
    shared = [name for name in known if name in written]
    differing = [
        name
        for name in shared
        if not np.array_equal(written[name].astype(str), known[name].astype(str))
    ]
    lacking = [name for name in known if name not in written]
    if differing or lacking:
        raise InputError(
            f"{directory} has records that the prepared screen lacks, and its "
            f"{', '.join([*differing, *lacking])} are not those of config.screen now: "
            "embed or import it again"
        )


def _common(
    first: epath.Path, ids: Mapping[epath.Path, pd.Index], *, skips: bool
) -> tuple[pd.Index, int]:
    """Returns the records that all sets have, and the number that any has."""
    common = all_ids = ids[first]
    for directory, set_ids in ids.items():
        missing, extra = ids[first].difference(set_ids), set_ids.difference(ids[first])
        if len(missing) or len(extra):
            if not skips:
                raise _other_records(directory, set_ids, first, ids[first])
            common, all_ids = common[common.isin(set_ids)], all_ids.union(set_ids)
    if not len(common):
        raise InputError(
            "no record is in all of "
            f"{', '.join(sorted(folder.name for folder in ids))} under {first.parent}: "
            "delete the folder of the one that does not belong there"
        )
    return common, len(all_ids)


def _other_records(directory, set_ids, first, ids) -> InputError:
    missing, extra = ids.difference(set_ids), set_ids.difference(ids)
    example = (missing if len(missing) else extra)[0]
    return InputError(
        f"{directory.name!r} and {first.name!r} are not of the same records: "
        f"{len(missing)} of {len(ids)} are missing and {len(extra)} are more (such as "
        f"{example!r}); embed both on the same prepared screen, or import with "
        "--config.imported.unmatched=skip"
    )
