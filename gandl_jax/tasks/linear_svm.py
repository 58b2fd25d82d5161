"""Many linear SVMs at once by Newton's method: liblinear's minimum, found exactly.

With a squared hinge a linear SVM of two classes is the minimum over u = (w, b) of

    |u|^2 / 2 + sum_i c_i max(0, 1 - y_i u.a_i)^2,    a_i = (x_i, 1).

There is one only, as it curves by 1 or more everywhere: u is off by the gradient's
length at most. The objective is quadratic as long as the same rows are inside the
margin, so that Newton's method ends after some steps (Keerthi and DeCoste 2005;
Chapelle 2007).

The folds of a split, and the classes of one fold, are problems over the same rows,
which differ in what is learnt from and what is told apart. They are solved side by
side: rows times weights is one product of matrices for all. Each begins at 0, and none
sees another's labels but by the speed: the equations of a step are solved by conjugate
gradients, preconditioned by the problems' mean Hessian, which alone is factored. All
computing is in float64; rows may be float32, and are read in blocks.
"""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
from scipy.linalg import blas, lapack

LARGEST = 4096  # columns or rows, whichever are fewer, that are solved for (ours)
ROWS = 2048  # in float64 at a time
ENOUGH = 1e-9  # the gradient's length at a minimum, as a share of |u| (ours)
ROUNDING = 1e-13  # of all that the gradient adds up (ours)
EXACT = 0.1  # what a step's equations are solved to, as a share of the gradient (ours)
MOST_STEPS = 40  # from 0 about 10 are taken (ours)
MOST_TURNS = 40  # of conjugate gradients in a step (ours)
PATIENCE = 3  # turns of a step; after more a Hessian is factored anew (measured), ...
STALE = 0.1  # ... if by so much of itself it has changed (measured)
FLAT = 0.5  # of the slope where a step begins: the end of a good one has less (ours)
HALVINGS = 60  # of a step that is too long
FEW = 0.75  # rows inside for each column: where fewer are, these are solved for


@dataclasses.dataclass(frozen=True)
class Problems:
    """P problems of two classes over the same rows.

    Attributes:
      rows: [n, D + 1] float32 or float64, the last column 1.
      signs: [P, n] float64, -1 or 1.
      costs: [P, n] float64 c, 0 for rows that are not learnt from.
      shift: [P, D] float64, and
      scale: [P, D] float64 > 0: features are (row - shift) / scale; None for both where
        they are the rows themselves.
    """

    rows: np.ndarray
    signs: np.ndarray
    costs: np.ndarray
    shift: np.ndarray | None = None
    scale: np.ndarray | None = None

    def some(self, which: np.ndarray | slice) -> "Problems":
        """Those of the problems, [P] bool or positions."""
        parts = (self.signs, self.costs, self.shift, self.scale)
        return Problems(
            self.rows, *(part if part is None else part[which] for part in parts)
        )

    def plain(self) -> "Problems":
        """The same of rows that are the features; of one problem."""
        if self.shift is None:
            return self
        rows = self.rows.astype(np.float64)
        rows[:, :-1] = (rows[:, :-1] - self.shift) / self.scale
        return Problems(rows, self.signs, self.costs)

    def of_features(self, v: np.ndarray) -> np.ndarray:
        """Weights [P, D + 1] of features, of those of rows."""
        if self.shift is None:
            return v
        w = v[:, :-1]
        return _joined(w * self.scale, v[:, -1] + _dots(self.shift, w))

    def of_rows(self, u: np.ndarray) -> np.ndarray:
        """Weights [P, D + 1] of rows, of those of features."""
        if self.shift is None:
            return u
        w = u[:, :-1] / self.scale
        return _joined(w, u[:, -1] - _dots(self.shift, w))

    def penalty(self, v: np.ndarray) -> np.ndarray:
        """[P, D + 1] the gradient of |u|^2 / 2, of weights v of rows."""
        if self.shift is None:
            return v
        u = self.of_features(v)
        return _joined(u[:, :-1] * self.scale + self.shift * u[:, -1:], u[:, -1])

    def mean_penalty(self) -> np.ndarray:
        """[D + 1, D + 1] the mean of its Hessians."""
        if self.shift is None:
            return np.eye(self.rows.shape[1])
        shift = _joined(self.shift, np.ones(len(self.shift)))
        found = shift.T @ shift / len(shift)
        found[np.diag_indices(len(found) - 1)] += np.square(self.scale).mean(0)
        return found


def _joined(w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.concatenate([w, b[:, None]], 1)


def _dots(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """[P] the products of rows [P, m]."""
    return np.einsum("pm,pm->p", one, other)


def with_ones(x: np.ndarray) -> np.ndarray:
    """Rows [n, D] with a last column of ones, whose weight is the intercept."""
    made = np.empty((len(x), x.shape[1] + 1), x.dtype)
    made[:, :-1], made[:, -1] = x, 1
    return made


def scores(rows: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Decisions: above 0 for the class of sign 1.

    Args:
      rows: [n, D + 1], the last column 1.
      v: [P, D + 1] weights of rows.

    Returns:
      [P, n] float64.
    """
    found = np.empty((len(v), len(rows)))
    for at, block in _blocks(rows):
        found[:, at] = v @ block.T
    return found


def can_solve(rows: int, columns: int) -> bool:
    """Whether so many rows and columns are few enough for matrices to be factored."""
    return min(rows, columns) <= LARGEST


def solve(problems: Problems) -> np.ndarray | None:
    """Finds the minimum of every problem.

    Args:
      problems: P of them; the more alike they are, the faster.

    Returns:
      [P, D + 1] float64 weights of rows; None where float64 is not exact enough to find
      them, as where costs are huge.
    """
    found, solved = _descend(problems)
    for place in np.flatnonzero(~solved):
        one = problems.some([place])
        # By itself, a problem's own Hessian is factored at every step.
        alone, right = _descend(one.plain(), exact=True)
        if not right.all():
            return None
        found[[place]] = one.of_rows(alone)
    return found


def _descend(
    problems: Problems, *, exact: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The minima [P, D + 1], and which [P] were found.

    The Hessian is factored anew where turns and changes are many; if `exact`, always.
    """
    count = len(problems.signs)
    found, left = np.zeros((count, problems.rows.shape[1])), np.arange(count)
    place, mean, turns = _Place.at(problems, found), None, 0
    for _ in range(MOST_STEPS):
        done = place.is_minimum()
        found[left] = place.v
        left, place = left[~done], place.some(~done)
        if not len(left):
            break
        many = turns > PATIENCE and mean.is_stale(place)
        if mean is None or exact or many:
            mean = _MeanHessian.of(place)
        if mean is None:
            break
        step, turns = _step(place, mean)
        place = place.after(step)
    return found, ~np.isin(np.arange(count), left)


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where the searches are.

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
    def at(cls, problems: Problems, v: np.ndarray, slack=None) -> "_Place":
        """The place with weights v."""
        if slack is None:
            slack = 1 - problems.signs * scores(problems.rows, v)
        inside = np.where(slack > 0, 2 * problems.costs, 0.0)
        pulls = _sums(problems.rows, problems.signs * inside * slack)
        return cls(problems, v, slack, inside, problems.penalty(v) - pulls)

    def some(self, which: np.ndarray) -> "_Place":
        """That of some problems, [P] bool."""
        if which.all():
            return self
        parts = (self.v, self.slack, self.inside, self.gradient)
        return _Place(self.problems.some(which), *(part[which] for part in parts))

    def is_minimum(self) -> np.ndarray:
        """[P] bool: whether the gradient is 0 but for rounding."""
        pulled = _dots(self.inside, np.abs(self.slack))
        enough = ENOUGH * np.linalg.norm(self.v, axis=1) + ROUNDING * pulled
        return np.linalg.norm(self.gradient, axis=1) <= enough

    def bent(self, d: np.ndarray) -> np.ndarray:
        """The Hessian times directions [P, D + 1]."""
        rows = self.problems.rows
        return self.problems.penalty(d) + _sums(rows, self.inside * scores(rows, d))

    def after(self, step: np.ndarray) -> "_Place":
        """The place where the steps [P, D + 1] end, or lead to what is lowest."""
        change = -self.problems.signs * scores(self.problems.rows, step)
        share = self._share(step, change)[:, None]
        v, slack = self.v + share * step, self.slack + share * change
        return _Place.at(self.problems, v, slack)

    def _share(self, step: np.ndarray, change: np.ndarray) -> np.ndarray:
        """[P] of the steps: 1 where the objective is flatter there, else to be flat."""
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
    """Where slopes that rise from below 0 are 0, by halving; [P]."""
    low = np.zeros_like(high)
    while (below := slope(high) < 0).any():
        low, high = np.where(below, high, low), np.where(below, 2 * high, high)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        below = slope(middle) < 0
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return high


def _step(place: _Place, mean: "_MeanHessian") -> tuple[np.ndarray, int]:
    """[P, D + 1] about to the minima of the quadratic pieces, and how many turns."""
    step, left = np.zeros_like(place.v), -place.gradient
    enough = EXACT * np.linalg.norm(left, axis=1)
    towards = mean.solved(left)
    direction, size = towards, _dots(left, towards)
    turns = 0
    while turns < MOST_TURNS:
        turns += 1
        bent = place.bent(direction)
        share = _ratio(size, _dots(direction, bent))
        step, left = step + share * direction, left - share * bent
        if (np.linalg.norm(left, axis=1) <= enough).all():
            break
        towards, last = mean.solved(left), size
        size = _dots(left, towards)
        direction = towards + _ratio(size, last) * direction
    return step, turns


def _ratio(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """[P, 1]; 0 where the other is."""
    found = np.divide(one, other, out=np.zeros_like(one), where=other > 0)
    return found[:, None]


class _MeanHessian:
    """The mean of the problems' Hessians, factored.

    Where rows inside, A with their weights, are fewer than columns, and the penalty is
    |v|^2 / 2, the inverse is I - A'(I + AA')^-1 A.
    """

    def __init__(self, weights: np.ndarray, matrix: np.ndarray, rows=None):
        """Factors a matrix, of which what is above the diagonal is overwritten."""
        self._weights, self._rows = weights, rows
        # LAPACK has columns first: above the diagonal is below it there.
        self._factor, self.failed = lapack.dpotrf(
            matrix.T, lower=1, clean=0, overwrite_a=1
        )

    @classmethod
    def of(cls, place: _Place) -> "_MeanHessian | None":
        """That of a place; None where it is not positive definite, to rounding."""
        problems, weights = place.problems, place.inside.mean(0)
        inside = np.flatnonzero(weights)
        if problems.shift is None and len(inside) < FEW * problems.rows.shape[1]:
            rows = problems.rows[inside] * np.sqrt(weights[inside])[:, None]
            made = cls(weights, rows @ rows.T + np.eye(len(rows)), rows)
        else:
            made = cls(weights, _products(problems, weights, inside))
        return None if made.failed else made

    def is_stale(self, place: _Place) -> bool:
        """Whether the weights of rows have changed since."""
        mean = place.inside.mean(0)
        return np.abs(mean - self._weights).sum() > STALE * mean.sum()

    def solved(self, right: np.ndarray) -> np.ndarray:
        """The inverse times [P, D + 1]."""
        if self._rows is None:
            return self._divided(right)
        return right - self._divided(right @ self._rows.T) @ self._rows

    def _divided(self, right: np.ndarray) -> np.ndarray:
        return lapack.dpotrs(self._factor, right.T, lower=1)[0].T


def _products(problems: Problems, weights, places: np.ndarray) -> np.ndarray:
    """The mean penalty and weighted sum of r r', above the diagonal and on it."""
    matrix = problems.mean_penalty()
    into = {"c": matrix.T, "beta": 1.0, "lower": 1, "overwrite_c": 1}
    for start in range(0, len(places), ROWS):
        at = places[start : start + ROWS]
        block = problems.rows[at] * np.sqrt(weights[at])[:, None]
        blas.dsyrk(1.0, block.T, **into)
    return matrix


def _sums(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """[P, D + 1] the sums of rows [n, D + 1], each times its weights [P, n]."""
    total = np.zeros((len(weights), rows.shape[1]))
    for at, block in _blocks(rows):
        total += weights[:, at] @ block
    return total


def _blocks(rows: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Where they are, and the rows, in float64."""
    step = len(rows) if rows.dtype == np.float64 else ROWS
    for start in range(0, len(rows), max(step, 1)):
        at = slice(start, start + step)
        yield at, rows[at].astype(np.float64, copy=False)
