"""Which compound leads from response 0 to response 1, at which dose, at what price?

A curve per cell model, experiment and treatment through the responses of its wells
(`responses.py`), with what all wells of the experiment tell (`curve.Known`): the
controls of response 0 are dose 0, and wells scatter around one curve as around others.
"""

import contextlib
import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from gandl_jax import dose_unit
from gandl_jax.profiles import table as profile_table
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import (
    curve,
    curve_shape,
    curve_table,
    curve_verdicts,
    marks,
    responses,
    steps,
    well_scatter,
)
from gandl_jax.tasks.comparison import Counted
from gandl_jax.tasks.counting import Answer, Question
from gandl_jax.tasks.responses import Responses
from gandl_jax.tasks.skip import Skip, need_columns

TITLE = "Dose response"
METRIC = "EC50"
PLACE = 60  # in the terminal
TELLS_DOSES = True
OPTIONS = {"normalize": ""}  # "" is evaluate.normalize
MAX_Q_EFFECT = curve_verdicts.MAX_Q
NOT_APART = "not identified: the controls are not told apart"
# How far wells of a dose without effect may lie from untreated ones, for what comes
# with treating them: a tenth of the way between the controls (ours).
BOTTOM_SD = 0.1
MIN_TREATMENTS = 5  # to tell whether all of them are off (ours)
_COLUMNS = ("Role", "Treatment", "Concentration_uM")
# What is on the way between the controls; a difference has no part of where 0 lies.
_WIDENED = {"rescue": 1, "peak": 1, "mean_at_highest_dose": 1, "fall": 0}
_QUANTILES = {"low": 0.05, "middle": 0.5, "high": 0.95}  # of the control wells


def check(metadata: pd.DataFrame, options: Mapping[str, Any]) -> None:
    """Checks that there is a curve to fit.

    Args:
      metadata: [N] rows of Metadata_* columns.
      options: unused.

    Raises:
      Skip: where a column is missing, or no experiment has both controls and a compound
        at enough doses.
    """
    need_columns(metadata, *_COLUMNS)
    found = [metadata.iloc[rows] for _, _, rows in responses.experiments(metadata)]
    if not found:
        raise Skip("no experiment has both controls")
    if not any(_treatments(experiment) for experiment in found):
        reasons = [reason for experiment in found for reason in _unusable(experiment)]
        raise Skip(
            "; ".join(
                [
                    "no treatment has wells at 3 or more doses beside the "
                    "experiment's controls",
                    *dict.fromkeys(reasons),
                ]
            )
        )


def run(
    sets: Mapping[str, FeatureSet], splits: Sequence[Any], **options: Any
) -> list[dict[str, Any]]:
    """Fits a curve per cell model, experiment and treatment.

    Args:
      sets: full name -> set; those that `options["features"]` names are used, and
        those whose encoder has one set only.
      splits: unused.
      **options: features, the headline set's name within its encoder; normalize;
        dose_unit, "uM" unless given.

    Returns:
      Per set, cell model, experiment and treatment a row with the curve
      (`curve.Curve`), the shape of the dose means (`curve_shape.Shape`), what is called
      of them and what to doubt (`curve_verdicts`), rescue (the response at the highest
      dose) and side effect, the wells behind them and where the control wells lie.
      "ec50_kind" says that `ec50_um` is the relative one.
    """
    rows, names = [], responses.judged_sets(sets, options["features"])
    unit = dose_unit.named_in(options)
    with contextlib.ExitStack() as counting:
        for name in names:
            one = sets[name]
            if name == names[0]:
                count = steps.counted(len(names) * _asked(one.metadata), "curves")
                counting.enter_context(count)
            rows += curve_verdicts.call([*_curves(one, options["normalize"], unit)])
    return rows


def _asked(metadata: pd.DataFrame) -> int:
    """How many curves a set gives."""
    parts = responses.experiments(metadata)
    return sum(len(_treatments(metadata.iloc[rows])) for *_, rows in parts)


def counting(metadata: pd.DataFrame, options: Mapping[str, Any]) -> "Counting":
    """How sets are compared by what dose explains."""
    return Counting(metadata, options)


class Counting:
    """Counts for `counting`: every curve is a record, its R2 how right a set is.

    The mean over curves says how much of the scatter between wells dose explains; 0 is
    a compound without effect. It is no truth: what changes along the doses for another
    reason, such as the place on the plate, counts too.
    """

    def __init__(self, metadata: pd.DataFrame, options: Mapping[str, Any]):
        """Finds the curves.

        Args:
          metadata: [N] rows of Metadata_* columns.
          options: normalize.

        Raises:
          Skip: as of `check`.
        """
        check(metadata, options)
        self._normalize = options["normalize"]
        self._curves: dict[str, list[str]] = {}  # of each cell model the treatments'
        for model, _, rows in responses.experiments(metadata):
            own = self._curves.setdefault(model, [])
            own += _treatments(metadata.iloc[rows])
        self._curves = {model: own for model, own in self._curves.items() if own}
        self.questions = [*map(self._question, self._curves)]
        self.fits = sum(map(len, self._curves.values()))

    def answers(self, one: FeatureSet) -> list[Answer]:
        """What dose explains of a set of the records, of each question."""
        rows = curve_verdicts.call([*_curves(one, self._normalize)])
        return [
            self._answer([row for row in rows if row["group"] == model], treatments)
            for model, treatments in self._curves.items()
        ]

    def floors(self) -> dict[str, list[Answer]]:
        """None: a plate, or a place, is on no way between the controls."""
        return {}

    def _question(self, model: str) -> Question:
        _, curves = np.unique(self._curves[model], return_counts=True)
        about = {
            "task": "dose_response",
            "group": model,
            "metric": "r2",
            "normalize": self._normalize,
            "unit": "treatment",
            "chance": 0.0,
            "records": int(curves.sum()),
        }
        total = curves[:, None].astype(float)
        return Question(about, Counted(total, len(curves), np.inf, 0.0))

    @staticmethod
    def _answer(rows: Sequence[Mapping[str, Any]], treatments: list[str]) -> Answer:
        units = np.unique(treatments)
        unit = np.searchsorted(units, [row["treatment"] for row in rows])
        explained = [max(0.0, row["r2"] or 0.0) for row in rows]
        right = np.bincount(unit, explained, len(units))[:, None]
        return Answer(right, marks.united(rows))


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The curves that explain most, as text for a terminal."""
    return curve_table.text(TITLE, rows)


def _treatments(metadata: pd.DataFrame) -> list[str]:
    """Treatments of one experiment at 3 doses or more; dose 0 has no logarithm."""
    dosed = metadata[_dosed(metadata)]
    doses = dosed.groupby("Metadata_Treatment")["Metadata_Concentration_uM"].nunique()
    return list(doses.index[doses >= curve.MIN_DOSES])


def _treated(metadata: pd.DataFrame) -> np.ndarray:
    return (metadata["Metadata_Role"] == "treated").to_numpy()


def _dosed(metadata: pd.DataFrame) -> np.ndarray:
    dose = metadata["Metadata_Concentration_uM"].to_numpy(float)
    return _treated(metadata) & (dose > 0) & np.isfinite(dose)


def _unusable(metadata: pd.DataFrame) -> Iterator[str]:
    """Why some treatments of an experiment have no curve."""
    treated = _treated(metadata)
    names = metadata["Metadata_Treatment"].astype(str)
    doses = metadata["Metadata_Concentration_uM"].where(_dosed(metadata))
    counts = doses[treated].groupby(names[treated]).nunique()
    reasons = {
        "no dose above 0 (blank, 0 or negative)": counts == 0,
        "one dose in all wells": counts == 1,
        "two doses only": counts == 2,
    }
    for reason, which in reasons.items():
        if which.any():
            number = int(which.sum())
            have = "treatment has" if number == 1 else "treatments have"
            yield (
                f"{number} {have} {reason} and no curve, such as "
                f"{counts.index[which][0]!r}"
            )


def _curves(
    sites: FeatureSet, normalization: str, unit: str = dose_unit.MICROMOLAR
) -> Iterator[dict[str, Any]]:
    """A set's rows before it is known how many effects are called."""
    for model, experiment, rows in responses.experiments(sites.metadata):
        judged = responses.judge_wells(sites.take(rows), normalization)
        warnings = [*judged.warnings, *_unusable(judged.metadata)]
        mark = marks.mark(sites.seen, rows)
        for treatment, own in _fitted(judged, warnings, unit):
            yield {
                "task": "dose_response",
                "set": sites.name,
                "encoder": sites.encoder,
                "features": sites.short_name,
                "group": model,
                "experiment": experiment,
                "treatment": treatment,
                "ec50_kind": "relative",
                dose_unit.KEY: unit,
                "controls_too_near": judged.too_near if judged.response is None else "",
                **own,
                **mark,
            }
            steps.add()


def _fitted(
    judged: Responses, warnings: list[str], unit: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Per treatment what its wells tell."""
    wells = judged.metadata
    dosed = wells[_dosed(wells)]
    own = dosed.groupby("Metadata_Treatment").indices
    own = {
        name: np.flatnonzero(_dosed(wells))[own[name]] for name in _treatments(wells)
    }
    if judged.response is None:
        for name, rows in own.items():
            yield name, _nothing(len(rows), warnings)
        return
    controls = _Controls.from_wells(judged)
    dose = wells["Metadata_Concentration_uM"].to_numpy(float)
    of_own = {
        name: curve.Wells.from_arrays(dose[rows], judged.response[rows])
        for name, rows in own.items()
    }
    known, doubts = _known(of_own.values(), controls, unit)
    scatters = _scatters(of_own.values(), known, controls)
    off_axis = _side_effect_sd(dose, judged, own, controls)
    quantiles = controls.quantiles()
    for (name, rows), scatter in zip(own.items(), scatters, strict=True):
        found = dataclasses.asdict(curve.fit_wells(of_own[name], known))
        shape = curve_shape.judge(of_own[name], scatter, known.bottom_sd)
        found |= dataclasses.asdict(shape)
        found |= controls.widened(found)
        highest = rows[dose[rows] == dose[rows].max()]
        found |= controls.side_effect(judged.side_effect[highest], off_axis)
        found["points"] = _points(wells.iloc[rows], judged.response[rows])
        found["controls"] = quantiles
        found["wells"] = len(rows)
        found["warnings"] = [*warnings, *doubts, *_replicates(dose[rows])]
        yield name, found


def _nothing(wells: int, warnings: list[str]) -> dict[str, Any]:
    """A row where there is no axis to judge wells by."""
    nothing = curve.Curve(NOT_APART), curve_shape.Shape()
    return (
        dataclasses.asdict(nothing[0])
        | dataclasses.asdict(nothing[1])
        | {
            **dict.fromkeys(("side_effect", "side_effect_low", "side_effect_high")),
            "points": [],
            "controls": {},
            "wells": wells,
            "warnings": warnings,
        }
    )


@dataclasses.dataclass(frozen=True)
class _Controls:
    """Responses [n] and [m] of the control wells, and their side effects [n + m]."""

    groups: tuple[np.ndarray, np.ndarray]
    off_axis: np.ndarray

    @classmethod
    def from_wells(cls, judged: Responses) -> "_Controls":
        classes = profile_table.control_classes(judged.metadata)
        zero, one = (judged.response[classes == k] for k in (0, 1))
        return cls((zero, one), judged.side_effect[classes >= 0])

    def errors(self) -> tuple[float, float]:
        """Standard errors of where 0 and 1 lie."""
        return tuple(float(g.std(ddof=1) / np.sqrt(len(g))) for g in self.groups)

    def quantiles(self) -> dict[str, dict[str, float]]:
        """Where nine in ten of the wells lie, and how many there are."""
        return {
            f"response_{k}": {
                **{key: float(np.quantile(g, q)) for key, q in _QUANTILES.items()},
                "wells": len(g),
            }
            for k, g in enumerate(self.groups)
        }

    def half_way_error(self) -> float:
        """Standard error of where half way between 0 and 1 lies."""
        return float(np.hypot(*self.errors()) / 2)

    def widened(self, found: Mapping[str, Any]) -> dict[str, float]:
        """Widens intervals by the standard errors of both control means."""
        zero, one = self.errors()
        z, widened = stats.norm.ppf((1 + curve.LEVEL) / 2), {}
        for name, of_zero in _WIDENED.items():
            if found[f"{name}_low"] is None:
                continue
            value = found[name]
            scale = z * np.hypot((of_zero - value) * zero, value * one)
            low, high = (abs(found[f"{name}_{end}"] - value) for end in ("low", "high"))
            widened[f"{name}_low"] = float(value - np.hypot(low, scale))
            widened[f"{name}_high"] = float(value + np.hypot(high, scale))
        if "fall_low" in widened:  # no less than none
            widened["fall_low"] = max(widened["fall_low"], 0.0)
        return widened

    def side_effect(
        self, wells: np.ndarray, scatter: tuple[float, float]
    ) -> dict[str, float]:
        """The mean of some wells, with a t interval.

        Args:
          wells: [n] side effects.
          scatter: standard deviation of a well and its degrees of freedom.
        """
        sd, freedom = scatter
        error = np.hypot(
            sd / np.sqrt(len(wells)),
            self.off_axis.std(ddof=1) / np.sqrt(len(self.off_axis)),
        )
        reach = float(stats.t.ppf((1 + curve.LEVEL) / 2, freedom) * error)
        mean = float(wells.mean())
        return {
            "side_effect": mean,
            "side_effect_low": mean - reach,
            "side_effect_high": mean + reach,
        }


def _known(
    curves: Collection[curve.Wells], controls: _Controls, unit: str
) -> tuple[curve.Known, list[str]]:
    """What all curves of an experiment tell of each, and what to doubt.

    If the lowest doses of most treatments lie off the untreated wells by more than
    chance, bottoms are believed to be near 0 the less the farther.
    """
    sd, freedom = _common(map(curve.residual_variance, curves))
    allowed = BOTTOM_SD**2 + controls.errors()[0] ** 2
    lowest = [wells.means[0] for wells in curves]
    doubts = []
    if len(lowest) >= MIN_TREATMENTS:
        shift = float(np.median(lowest))
        # A median is by 1.25 less sure than a mean.
        error = 1.25 * np.std(lowest, ddof=1) / np.sqrt(len(lowest))
        if abs(shift) > stats.norm.ppf(0.975) * np.hypot(error, np.sqrt(allowed)):
            allowed += shift**2
            doubts.append(
                f"half of the treatments lie {shift:+.2f} or farther from untreated "
                "wells at their lowest dose: bottoms were fitted more freely"
            )
    half = controls.half_way_error()
    return curve.Known(sd, freedom, float(np.sqrt(allowed)), half, unit), doubts


def _scatters(
    curves: Collection[curve.Wells], known: curve.Known, controls: _Controls
) -> Iterator[curve_shape.Scatter]:
    """Tells for each curve how much wells of one dose scatter, if doses are repeated.

    Where too few curves repeat doses for a common scatter, each has its own; one that
    does not is judged by how wells lie around curves, or by the wells of response 0.
    """
    common = curve_shape.Scatter(*_common(map(curve.replicate_variance, curves)))
    untreated = controls.groups[0]
    other = curve_shape.Scatter(float(untreated.std(ddof=1)), len(untreated) - 1)
    if known.freedom:
        other = curve_shape.Scatter(known.sd, known.freedom)
    for wells in curves:
        own = len(wells.response) - len(wells.doses) >= curve_shape.MIN_FREEDOM
        yield common if common.freedom or own else other


def _common(found: Iterable[tuple[float, int] | None]) -> tuple[float, float]:
    pairs = np.array([pair for pair in found if pair], float).reshape(-1, 2)
    return well_scatter.common(*pairs.T)


def _side_effect_sd(dose, judged, own, controls) -> tuple[float, float]:
    """How much side effects scatter between wells of one dose, and how sure that is."""
    squares, freedom = 0.0, 0
    for rows in own.values():
        _, member = np.unique(dose[rows], return_inverse=True)
        counts = np.bincount(member)
        means = np.bincount(member, judged.side_effect[rows]) / counts
        squares += ((judged.side_effect[rows] - means[member]) ** 2).sum()
        freedom += len(rows) - len(counts)
    if freedom < curve.MIN_FREEDOM:
        return float(controls.off_axis.std(ddof=1)), len(controls.off_axis) - 1
    return float(np.sqrt(squares / freedom)), freedom


def _replicates(dose: np.ndarray) -> Iterator[str]:
    if len(np.unique(dose)) == len(dose):
        yield "one well per dose: a stray well cannot be told from an effect"


def _points(wells: pd.DataFrame, response: np.ndarray) -> list[dict[str, Any]]:
    named = "Metadata_Well" in wells
    columns = (
        wells["Metadata_Concentration_uM"],
        wells["Metadata_Well"] if named else profile_table.wells(wells),
        profile_table.plates(wells),
    )
    return [
        {"concentration_um": dose, "response": float(y), "well": well, "plate": plate}
        for dose, well, plate, y in zip(*columns, response, strict=True)
    ]
