"""Dose response of compounds from response 0 to response 1, and their side effects.

A curve per cell model, experiment and treatment is fitted to the responses of its wells
(`responses.py`), with prior knowledge from all wells of the experiment (`curve.Prior`):
the controls of response 0 are dose 0, and wells scatter alike around all curves.
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
# Standard deviation of a dose without effect around untreated wells, due to the
# treatment itself: a tenth of the way between the controls (ours).
BOTTOM_SD = 0.1
MIN_TREATMENTS = 5  # to test whether most are shifted (ours)
_COLUMNS = ("Role", "Treatment", "Concentration_uM")
# Positions between the controls (1), and a difference, which does not depend on 0 (0).
_WIDENED = {"rescue": 1, "peak": 1, "mean_at_highest_dose": 1, "fall": 0}
_QUANTILES = {"low": 0.05, "middle": 0.5, "high": 0.95}  # of the control wells


def check(metadata: pd.DataFrame, options: Mapping[str, Any]) -> None:
    """Checks that there is a curve to fit.

    Args:
      metadata: [N] rows of Metadata_* columns.
      options: unused.

    Raises:
      Skip: a column is missing, or no experiment has both controls and a compound at
        enough doses.
    """
    need_columns(metadata, *_COLUMNS)
    experiments = [
        metadata.iloc[rows] for _, _, rows in responses.experiments(metadata)
    ]
    if not experiments:
        raise Skip("no experiment has both controls")
    if not any(_treatments(experiment) for experiment in experiments):
        reasons = [
            reason for experiment in experiments for reason in _unusable(experiment)
        ]
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
      sets: full name -> set; those named by `options["features"]` are used, and those
        whose encoder has one set only.
      splits: unused.
      **options: features, the headline set's name within its encoder; normalize;
        dose_unit, "uM" unless given.

    Returns:
      Per set, cell model, experiment and treatment a row with the curve
      (`curve.Curve`), the shape of the dose means (`curve_shape.Shape`), calls and
      doubts (`curve_verdicts`), rescue (the response at the highest dose) and side
      effect, their wells, and quantiles of the control wells. "ec50_kind" says that
      `ec50_um` is the relative EC50.
    """
    rows, names = [], responses.judged_sets(sets, options["features"])
    unit = dose_unit.named_in(options)
    with contextlib.ExitStack() as counting:
        for name in names:
            feature_set = sets[name]
            if name == names[0]:
                count = steps.counted(
                    len(names) * _count_curves(feature_set.metadata), "curves"
                )
                counting.enter_context(count)
            rows += curve_verdicts.call(
                [*_curves(feature_set, options["normalize"], unit)]
            )
    return rows


def _count_curves(metadata: pd.DataFrame) -> int:
    """Counts the curves of a set."""
    experiments = responses.experiments(metadata)
    return sum(len(_treatments(metadata.iloc[rows])) for *_, rows in experiments)


def counting(metadata: pd.DataFrame, options: Mapping[str, Any]) -> "Counting":
    """Counts for comparing sets by the variance that dose explains."""
    return Counting(metadata, options)


class Counting:
    """Counts for `counting`: every curve is a record, and its R2 is counted.

    The mean over curves is the share of the scatter between wells that dose explains; 0
    is a compound without effect. It is no ground truth: changes along the doses for
    another reason, such as the position on the plate, count too.
    """

    def __init__(self, metadata: pd.DataFrame, options: Mapping[str, Any]):
        """Finds the curves.

        Args:
          metadata: [N] rows of Metadata_* columns.
          options: normalize.

        Raises:
          Skip: as in `check`.
        """
        check(metadata, options)
        self._normalize = options["normalize"]
        self._curves: dict[str, list[str]] = {}  # cell model -> treatment of each curve
        for model, _, rows in responses.experiments(metadata):
            treatments = self._curves.setdefault(model, [])
            treatments += _treatments(metadata.iloc[rows])
        self._curves = {
            model: treatments
            for model, treatments in self._curves.items()
            if treatments
        }
        self.questions = [*map(self._question, self._curves)]
        self.fits = sum(map(len, self._curves.values()))

    def answers(self, feature_set: FeatureSet) -> list[Answer]:
        """Returns the variance that dose explains, for each question."""
        rows = curve_verdicts.call([*_curves(feature_set, self._normalize)])
        return [
            self._answer([row for row in rows if row["group"] == model], treatments)
            for model, treatments in self._curves.items()
        ]

    def floors(self) -> dict[str, list[Answer]]:
        """Returns no floors: a plate or position has no response."""
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
    """Writes the curves that explain most, for a terminal."""
    return curve_table.text(TITLE, rows)


def _treatments(metadata: pd.DataFrame) -> list[str]:
    """Returns treatments of one experiment at 3 doses or more, without dose 0."""
    dosed = metadata[_dosed(metadata)]
    doses = dosed.groupby("Metadata_Treatment")["Metadata_Concentration_uM"].nunique()
    return list(doses.index[doses >= curve.MIN_DOSES])


def _treated(metadata: pd.DataFrame) -> np.ndarray:
    return (metadata["Metadata_Role"] == "treated").to_numpy()


def _dosed(metadata: pd.DataFrame) -> np.ndarray:
    dose = metadata["Metadata_Concentration_uM"].to_numpy(float)
    return _treated(metadata) & (dose > 0) & np.isfinite(dose)


def _unusable(metadata: pd.DataFrame) -> Iterator[str]:
    """Yields reasons why some treatments of an experiment have no curve."""
    treated = _treated(metadata)
    names = metadata["Metadata_Treatment"].astype(str)
    doses = metadata["Metadata_Concentration_uM"].where(_dosed(metadata))
    counts = doses[treated].groupby(names[treated]).nunique()
    reasons = {
        "no dose above 0 (blank, 0 or negative)": counts == 0,
        "one dose in all wells": counts == 1,
        "two doses only": counts == 2,
    }
    for reason, is_unusable in reasons.items():
        if is_unusable.any():
            number = int(is_unusable.sum())
            have = "treatment has" if number == 1 else "treatments have"
            yield (
                f"{number} {have} {reason} and no curve, such as "
                f"{counts.index[is_unusable][0]!r}"
            )


def _curves(
    sites: FeatureSet, normalization: str, unit: str = dose_unit.MICROMOLAR
) -> Iterator[dict[str, Any]]:
    """Yields a set's rows, before `curve_verdicts` calls effects."""
    for model, experiment, rows in responses.experiments(sites.metadata):
        judged = responses.judge_wells(sites.take(rows), normalization)
        warnings = [*judged.warnings, *_unusable(judged.metadata)]
        mark = marks.mark(sites.seen, rows)
        for treatment, fields in _fitted(judged, warnings, unit):
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
                **fields,
                **mark,
            }
            steps.add()


def _fitted(
    judged: Responses, warnings: list[str], unit: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the fields of a row for each treatment."""
    wells = judged.metadata
    dosed = wells[_dosed(wells)]
    rows_of_treatment = dosed.groupby("Metadata_Treatment").indices
    rows_of_treatment = {
        name: np.flatnonzero(_dosed(wells))[rows_of_treatment[name]]
        for name in _treatments(wells)
    }
    if judged.response is None:
        for name, rows in rows_of_treatment.items():
            yield name, _without_axis(len(rows), warnings)
        return
    controls = _Controls.from_wells(judged)
    dose = wells["Metadata_Concentration_uM"].to_numpy(float)
    wells_of_treatment = {
        name: curve.Wells.from_arrays(dose[rows], judged.response[rows])
        for name, rows in rows_of_treatment.items()
    }
    prior, doubts = _prior(wells_of_treatment.values(), controls, unit)
    scatters = _scatters(wells_of_treatment.values(), prior, controls)
    side_effect_sd = _side_effect_sd(dose, judged, rows_of_treatment, controls)
    quantiles = controls.quantiles()
    for (name, rows), scatter in zip(rows_of_treatment.items(), scatters, strict=True):
        fields = dataclasses.asdict(curve.fit_wells(wells_of_treatment[name], prior))
        shape = curve_shape.judge(wells_of_treatment[name], scatter, prior.bottom_sd)
        fields |= dataclasses.asdict(shape)
        fields |= controls.widened(fields)
        highest = rows[dose[rows] == dose[rows].max()]
        fields |= controls.side_effect(judged.side_effect[highest], side_effect_sd)
        fields["points"] = _points(wells.iloc[rows], judged.response[rows])
        fields["controls"] = quantiles
        fields["wells"] = len(rows)
        fields["warnings"] = [*warnings, *doubts, *_replicates(dose[rows])]
        yield name, fields


def _without_axis(wells: int, warnings: list[str]) -> dict[str, Any]:
    """Returns the fields of a treatment if there is no axis to judge wells by."""
    unknown = curve.Curve(NOT_APART), curve_shape.Shape()
    return (
        dataclasses.asdict(unknown[0])
        | dataclasses.asdict(unknown[1])
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
    """Control wells: responses [n] and [m], and their side effects [n + m]."""

    groups: tuple[np.ndarray, np.ndarray]
    off_axis: np.ndarray

    @classmethod
    def from_wells(cls, judged: Responses) -> "_Controls":
        classes = profile_table.control_classes(judged.metadata)
        zero, one = (judged.response[classes == k] for k in (0, 1))
        return cls((zero, one), judged.side_effect[classes >= 0])

    def errors(self) -> tuple[float, float]:
        """Returns the standard errors of the control means, at 0 and 1."""
        return tuple(float(g.std(ddof=1) / np.sqrt(len(g))) for g in self.groups)

    def quantiles(self) -> dict[str, dict[str, float]]:
        """Returns the range of nine in ten of the wells, and their number."""
        return {
            f"response_{k}": {
                **{key: float(np.quantile(g, q)) for key, q in _QUANTILES.items()},
                "wells": len(g),
            }
            for k, g in enumerate(self.groups)
        }

    def half_way_error(self) -> float:
        """Returns the standard error of half way between 0 and 1."""
        return float(np.hypot(*self.errors()) / 2)

    def widened(self, fields: Mapping[str, Any]) -> dict[str, float]:
        """Widens intervals by the standard errors of both control means."""
        zero, one = self.errors()
        z, widened = stats.norm.ppf((1 + curve.LEVEL) / 2), {}
        for name, of_zero in _WIDENED.items():
            if fields[f"{name}_low"] is None:
                continue
            value = fields[name]
            scale = z * np.hypot((of_zero - value) * zero, value * one)
            low, high = (
                abs(fields[f"{name}_{end}"] - value) for end in ("low", "high")
            )
            widened[f"{name}_low"] = float(value - np.hypot(low, scale))
            widened[f"{name}_high"] = float(value + np.hypot(high, scale))
        if "fall_low" in widened:  # no less than none
            widened["fall_low"] = max(widened["fall_low"], 0.0)
        return widened

    def side_effect(
        self, wells: np.ndarray, scatter: tuple[float, float]
    ) -> dict[str, float]:
        """Returns the mean of some wells, with a t interval.

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


def _prior(
    curves: Collection[curve.Wells], controls: _Controls, unit: str
) -> tuple[curve.Prior, list[str]]:
    """Returns the prior from all curves of an experiment, and doubts about it.

    If the lowest doses of most treatments lie off the untreated wells by more than
    chance, the prior of bottoms around 0 is the wider, the farther.
    """
    sd, freedom = _common_scatter(map(curve.residual_variance, curves))
    bottom_variance = BOTTOM_SD**2 + controls.errors()[0] ** 2
    lowest = [wells.means[0] for wells in curves]
    doubts = []
    if len(lowest) >= MIN_TREATMENTS:
        shift = float(np.median(lowest))
        # The standard error of a median is 1.25 times that of a mean.
        error = 1.25 * np.std(lowest, ddof=1) / np.sqrt(len(lowest))
        if abs(shift) > stats.norm.ppf(0.975) * np.hypot(
            error, np.sqrt(bottom_variance)
        ):
            bottom_variance += shift**2
            doubts.append(
                f"half of the treatments lie {shift:+.2f} or farther from untreated "
                "wells at their lowest dose: bottoms were fitted more freely"
            )
    half_way_sd = controls.half_way_error()
    return curve.Prior(
        sd, freedom, float(np.sqrt(bottom_variance)), half_way_sd, unit
    ), doubts


def _scatters(
    curves: Collection[curve.Wells], prior: curve.Prior, controls: _Controls
) -> Iterator[curve_shape.Scatter]:
    """Yields the scatter of wells of one dose for each curve, if doses are repeated.

    If too few curves repeat doses for a common scatter, each has its own; a curve
    without repeats gets the scatter around curves, or of the wells of response 0.
    """
    common = curve_shape.Scatter(
        *_common_scatter(map(curve.replicate_variance, curves))
    )
    untreated = controls.groups[0]
    fallback = curve_shape.Scatter(float(untreated.std(ddof=1)), len(untreated) - 1)
    if prior.freedom:
        fallback = curve_shape.Scatter(prior.sd, prior.freedom)
    for wells in curves:
        has_repeats = len(wells.response) - len(wells.doses) >= curve_shape.MIN_FREEDOM
        yield common if common.freedom or has_repeats else fallback


def _common_scatter(
    variances: Iterable[tuple[float, int] | None],
) -> tuple[float, float]:
    pairs = np.array([pair for pair in variances if pair], float).reshape(-1, 2)
    return well_scatter.common(*pairs.T)


def _side_effect_sd(dose, judged, rows_of_treatment, controls) -> tuple[float, float]:
    """Returns the scatter of side effects at one dose, and its degrees of freedom."""
    squares, freedom = 0.0, 0
    for rows in rows_of_treatment.values():
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
