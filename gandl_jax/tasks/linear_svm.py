"""Many linear SVMs at once by Newton's method: liblinear's exact minimum.

With a squared hinge a linear SVM of two classes is the minimum over u = (w, b) of

    |u|^2 / 2 + sum_i c_i max(0, 1 - y_i u.a_i)^2,    a_i = (x_i, 1).

It is unique, as the curvature is 1 or more everywhere: the error of u is at most the
gradient's length. The objective is quadratic as long as the same rows are inside the
margin, so that Newton's method ends after some steps (Keerthi and DeCoste 2005;
Chapelle 2007).

The folds of a split, and the classes of one fold, are problems over the same rows, with
different training rows and classes. They are solved side by side: rows times weights is
one product of matrices for all. Each begins at 0, and other problems affect only its
speed: the equations of a step are solved by conjugate gradients, preconditioned by the
problems' mean Hessian, which alone is factored. All computing is in float64; rows may
be float32, and are read in blocks.
"""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
from scipy.linalg import blas, lapack

LARGEST = 4096  # columns or rows, whichever are fewer, of a matrix (ours)
ROWS = 2048  # in float64 at a time
ENOUGH = 1e-9  # the gradient's length at a minimum, as a share of |u| (ours)
ROUNDING = 1e-13  # of all that the gradient adds up (ours)
EXACT = 0.1  # residual of a step's equations, as a share of the gradient (ours)
MOST_STEPS = 40  # usually about 10 (ours)
MOST_TURNS = 40  # of conjugate gradients in a step (ours)
PATIENCE = 3  # turns of a step; after more, a Hessian is factored anew (measured) ...
STALE = 0.1  # ... if it has changed by more than this share (measured)
FLAT = 0.5  # of the slope where a step begins: the end of a good one has less (ours)
HALVINGS = 60  # of a step that is too long
FEW = 0.75  # rows inside per column; with fewer, the matrix is over rows


@dataclasses.dataclass(frozen=True)
class Problems:
    """P problems of two classes over the same rows.

    Attributes:
      rows: [n, D + 1] float32 or float64, the last column 1.
      signs: [P, n] float64, -1 or 1.
      costs: [P, n] float64 c, 0 for rows that are not learnt from.
      shift: [P, D] float64, and
      scale: [P, D] float64 > 0: features are (row - shift) / scale; None for both if
        they are the rows themselves.
    """

    rows: np.ndarray
    signs: np.ndarray
    costs: np.ndarray
    shift: np.ndarray | None = None
    scale: np.ndarray | None = None

    def some(self, selection: np.ndarray | slice) -> "Problems":
        """Selects problems, by [P] bool or positions."""
        fields = (self.signs, self.costs, self.shift, self.scale)
        return Problems(
            self.rows,
            *(field if field is None else field[selection] for field in fields),
        )

    def plain(self) -> "Problems":
        """Returns the same problem over rows that are its features; for one problem."""
        if self.shift is None:
            return self
        rows = self.rows.astype(np.float64)
        rows[:, :-1] = (rows[:, :-1] - self.shift) / self.scale
        return Problems(rows, self.signs, self.costs)

    def feature_weights(self, v: np.ndarray) -> np.ndarray:
        """Converts weights [P, D + 1] of rows to those of features."""
        if self.shift is None:
            return v
        w = v[:, :-1]
        return _joined(w * self.scale, v[:, -1] + _dots(self.shift, w))

    def row_weights(self, u: np.ndarray) -> np.ndarray:
        """Converts weights [P, D + 1] of features to those of rows."""
        if self.shift is None:
            return u
        w = u[:, :-1] / self.scale
        return _joined(w, u[:, -1] - _dots(self.shift, w))

    def penalty(self, v: np.ndarray) -> np.ndarray:
        """Returns the gradient [P, D + 1] of |u|^2 / 2 at weights v of rows."""
        if self.shift is None:
            return v
        u = self.feature_weights(v)
        return _joined(u[:, :-1] * self.scale + self.shift * u[:, -1:], u[:, -1])

    def mean_penalty(self) -> np.ndarray:
        """Returns the mean [D + 1, D + 1] of the penalty's Hessians."""
        if self.shift is None:
            return np.eye(self.rows.shape[1])
        shift = _joined(self.shift, np.ones(len(self.shift)))
        mean = shift.T @ shift / len(shift)
        mean[np.diag_indices(len(mean) - 1)] += np.square(self.scale).mean(0)
        return mean


def _joined(w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.concatenate([w, b[:, None]], 1)


def _dots(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns the products [P] of rows [P, m]."""
    return np.einsum("pm,pm->p", first, second)


def with_ones(x: np.ndarray) -> np.ndarray:
    """Appends a column of ones to rows [n, D], whose weight is the intercept."""
    extended = np.empty((len(x), x.shape[1] + 1), x.dtype)
    extended[:, :-1], extended[:, -1] = x, 1
    return extended


def scores(rows: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Computes decisions: above 0 for the class of sign 1.

    Args:
      rows: [n, D + 1], the last column 1.
      v: [P, D + 1] weights of rows.

    Returns:
      [P, n] float64.
    """
    decisions = np.empty((len(v), len(rows)))
    for span, block in _blocks(rows):
        decisions[:, span] = v @ block.T
    return decisions


def can_solve(rows: int, columns: int) -> bool:
    """Tells whether matrices of these rows and columns are small enough to factor."""
    return min(rows, columns) <= LARGEST


def solve(problems: Problems) -> np.ndarray | None:
    """Finds the minimum of every problem.

    Args:
      problems: P of them; the more alike they are, the faster.

    Returns:
      [P, D + 1] float64 weights of rows; None if float64 is not exact enough to find
      them, such as for huge costs.
    """
    weights, solved = _descend(problems)
    for number in np.flatnonzero(~solved):
        problem = problems.some([number])
        # Solved alone, a problem's own Hessian is factored at every step.
        problem_weights, is_solved = _descend(problem.plain(), exact=True)
        if not is_solved.all():
            return None
        weights[[number]] = problem.row_weights(problem_weights)
    return weights


def _descend(
    problems: Problems, *, exact: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the minima [P, D + 1], and [P] bool, whether each was found.

    The Hessian is factored anew after many turns and changes; if `exact`, always.
    """
    count = len(problems.signs)
    weights, active = np.zeros((count, problems.rows.shape[1])), np.arange(count)
    state, mean, turns = _State.at(problems, weights), None, 0
    for _ in range(MOST_STEPS):
        done = state.is_minimum()
        weights[active] = state.v
        active, state = active[~done], state.some(~done)
        if not len(active):
            break
        is_stale = turns > PATIENCE and mean.is_stale(state)
        if mean is None or exact or is_stale:
            mean = _MeanHessian.from_state(state)
        if mean is None:
            break
        step, turns = _step(state, mean)
        state = state.after(step)
    return weights, ~np.isin(np.arange(count), active)


@dataclasses.dataclass(frozen=True)
class _State:
    """State of the searches for the minima.

    Attributes:
      problems: P of them.
      v: [P, D + 1] weights of rows.
      slack: [P, n] 1 - y v.r.
      inside: [P, n] float64, 2 c of the rows with slack above 0, of others 0.
      gradient: [P, D + 1].
    """

    problems: Problems
    v: np.ndarray
    slack: np.ndarray
    inside: np.ndarray
    gradient: np.ndarray

    @classmethod
    def at(cls, problems: Problems, v: np.ndarray, slack=None) -> "_State":
        """Makes the state at weights v."""
        if slack is None:
            slack = 1 - problems.signs * scores(problems.rows, v)
        inside = np.where(slack > 0, 2 * problems.costs, 0.0)
        pulls = _sums(problems.rows, problems.signs * inside * slack)
        return cls(problems, v, slack, inside, problems.penalty(v) - pulls)

    def some(self, selection: np.ndarray) -> "_State":
        """Selects the state of some problems, [P] bool."""
        if selection.all():
            return self
        fields = (self.v, self.slack, self.inside, self.gradient)
        return _State(
            self.problems.some(selection), *(field[selection] for field in fields)
        )

    def is_minimum(self) -> np.ndarray:
        """Tells [P] whether the gradient is 0, to rounding."""
        pulled = _dots(self.inside, np.abs(self.slack))
        enough = ENOUGH * np.linalg.norm(self.v, axis=1) + ROUNDING * pulled
        return np.linalg.norm(self.gradient, axis=1) <= enough

    def times_hessian(self, d: np.ndarray) -> np.ndarray:
        """Multiplies directions [P, D + 1] by the Hessian."""
        rows = self.problems.rows
        return self.problems.penalty(d) + _sums(rows, self.inside * scores(rows, d))

    def after(self, step: np.ndarray) -> "_State":
        """Returns the state at the end of the steps [P, D + 1], or at their minimum."""
        change = -self.problems.signs * scores(self.problems.rows, step)
        share = self._share(step, change)[:, None]
        v, slack = self.v + share * step, self.slack + share * change
        return _State.at(self.problems, v, slack)

    def _share(self, step: np.ndarray, change: np.ndarray) -> np.ndarray:
        """Returns shares [P] of the steps: 1 if the end is flat, else the minimum."""
        bend = self.problems.penalty(step)
        begin, curve = _dots(bend, self.v), _dots(bend, step)

        def slope(share):
            slack = np.maximum(self.slack + share[:, None] * change, 0)
            return (
                begin + share * curve + 2 * _dots(self.problems.costs * slack, change)
            )

        share = np.ones(len(step))
        good = np.abs(slope(share)) <= FLAT * np.abs(slope(0 * share))
        return share if good.all() else np.where(good, share, _flat(slope, share))


def _flat(slope: Callable[[np.ndarray], np.ndarray], high: np.ndarray) -> np.ndarray:
    """Finds by halving where slopes [P] that rise from below 0 are 0."""
    low = np.zeros_like(high)
    while (below := slope(high) < 0).any():
        low, high = np.where(below, high, low), np.where(below, 2 * high, high)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        below = slope(middle) < 0
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return high


def _step(state: _State, mean: "_MeanHessian") -> tuple[np.ndarray, int]:
    """Returns steps [P, D + 1] near the minima of quadratic pieces, and the turns."""
    step, residual = np.zeros_like(state.v), -state.gradient
    enough = EXACT * np.linalg.norm(residual, axis=1)
    towards = mean.solved(residual)
    direction, size = towards, _dots(residual, towards)
    turns = 0
    while turns < MOST_TURNS:
        turns += 1
        curved = state.times_hessian(direction)
        share = _ratio(size, _dots(direction, curved))
        step, residual = step + share * direction, residual - share * curved
        if (np.linalg.norm(residual, axis=1) <= enough).all():
            break
        towards, last = mean.solved(residual), size
        size = _dots(residual, towards)
        direction = towards + _ratio(size, last) * direction
    return step, turns


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Divides [P] by [P]: [P, 1], 0 if the denominator is 0."""
    ratio = np.divide(
        numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0
    )
    return ratio[:, None]


class _MeanHessian:
    """Mean of the problems' Hessians, factored.

    If there are fewer rows inside, A with their weights, than columns, and the penalty
    is |v|^2 / 2, the inverse is I - A'(I + AA')^-1 A.
    """

    def __init__(self, weights: np.ndarray, matrix: np.ndarray, rows=None):
        """Factors a matrix, and overwrites the part above its diagonal."""
        self._weights, self._rows = weights, rows
        # LAPACK is column-major: above the diagonal is below it there.
        self._factor, self.failed = lapack.dpotrf(
            matrix.T, lower=1, clean=0, overwrite_a=1
        )

    @classmethod
    def from_state(cls, state: _State) -> "_MeanHessian | None":
        """Factors that of a state; None if not positive definite, to rounding."""
        problems, weights = state.problems, state.inside.mean(0)
        inside = np.flatnonzero(weights)
        if problems.shift is None and len(inside) < FEW * problems.rows.shape[1]:
            rows = problems.rows[inside] * np.sqrt(weights[inside])[:, None]
            hessian = cls(weights, rows @ rows.T + np.eye(len(rows)), rows)
        else:
            hessian = cls(weights, _products(problems, weights, inside))
        return None if hessian.failed else hessian

    def is_stale(self, state: _State) -> bool:
        """Tells whether the weights of rows have changed since."""
        mean = state.inside.mean(0)
        return np.abs(mean - self._weights).sum() > STALE * mean.sum()

    def solved(self, right: np.ndarray) -> np.ndarray:
        """Multiplies [P, D + 1] by the inverse."""
        if self._rows is None:
            return self._divided(right)
        return right - self._divided(right @ self._rows.T) @ self._rows

    def _divided(self, right: np.ndarray) -> np.ndarray:
        return lapack.dpotrs(self._factor, right.T, lower=1)[0].T


def _products(problems: Problems, weights, inside: np.ndarray) -> np.ndarray:
    """Returns the mean penalty plus weighted sum of r r', on and above the diagonal."""
    matrix = problems.mean_penalty()
    into = {"c": matrix.T, "beta": 1.0, "lower": 1, "overwrite_c": 1}
    for start in range(0, len(inside), ROWS):
        rows = inside[start : start + ROWS]
        block = problems.rows[rows] * np.sqrt(weights[rows])[:, None]
        blas.dsyrk(1.0, block.T, **into)
    return matrix


def _sums(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sums rows [n, D + 1], each times its weights [P, n]: [P, D + 1]."""
    total = np.zeros((len(weights), rows.shape[1]))
    for span, block in _blocks(rows):
        total += weights[:, span] @ block
    return total


def _blocks(rows: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yields positions of blocks of rows, and the rows in float64."""
    step = len(rows) if rows.dtype == np.float64 else ROWS
    for start in range(0, len(rows), max(step, 1)):
        span = slice(start, start + step)
        yield span, rows[span].astype(np.float64, copy=False)
