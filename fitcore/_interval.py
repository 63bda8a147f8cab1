"""The ends of a confidence interval: where the profile of chi-square reaches given heights."""

from __future__ import annotations

import math
from bisect import insort
from typing import TYPE_CHECKING, Any, NamedTuple

from fitcore._profile import Fitted, Profile, Remarks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fitcore._probability import Statistic
    from fitcore._profile import Point

__all__ = ["IntervalTask", "Side", "find_interval"]

# An end is found when the last step towards it was shorter than this part of the scale: what the
# next step would change is of the order of its product with two earlier, longer ones.
CLOSE = 2e-5
# The longest step outwards, as a multiple of the distance from the best value.
STRIDE = 2.0
# Points this many times as high as wanted may be on another branch of the profile, where the others
# are elsewhere: no fit starts from there, and nothing is interpolated.
FAR = 3.0
# A point is near an end only if its height is, to this part of it.
NEAR = 0.01


class Side:
    """One side, below or above the best value, of one variable.

    Parameters
    ----------
    profile : Profile
        Of this variable.
    height : callable
        ``height(point)``, a number that grows from 0 at the best fit in proportion, nearly, to the
        distance: the signed root of delta chi-square or alike.
    sign : {-1, 1}
    scale : float
        The standard error.
    unit : float
        The height at the distance `scale` if the model is linear.
    maxiter : int
        Limit on steps for each end.
    min_rel_change : float
        Outward steps end when the height grows by less than this part.
    seen : callable
        ``seen(point, height)`` after each point.
    """

    def __init__(
        self,
        profile: Profile,
        height: Callable[[Point], float],
        sign: int,
        scale: float,
        unit: float,
        maxiter: int,
        min_rel_change: float,
        seen: Callable[[Point, float], Any],
    ) -> None:
        self.profile, self.height, self.sign = profile, height, sign
        self.scale, self.unit, self.maxiter = scale, unit, maxiter
        self.min_rel_change, self.seen = min_rel_change, seen
        item = profile.held[0]
        self.origin = profile.best.at[0]
        bound = float(item.max if sign > 0 else item.min)
        self.reach = max(sign * (bound - self.origin), 0.0)
        # Distances from the best value in increasing order, with heights and points.
        self.known: list[tuple[float, float, Point]] = [(0.0, 0.0, profile.best)]
        self.ended = ""
        self.wanted = math.inf

    def ends(self, wanted: Sequence[float]) -> list[float]:
        """The values at these heights, in increasing order; infinite where it is not reached."""
        found: list[float] = []
        for height in wanted:
            distance = self._find(height)
            if math.isinf(distance) and self.ended:
                name = self.profile.held[0].name
                side = "upper" if self.sign > 0 else "lower"
                self.profile.messages.append(
                    f"{name}: no {side} end of the interval, it is given as infinite: {self.ended}"
                )
                return found + [self.sign * math.inf] * (len(wanted) - len(found))
            found.append(self.origin + self.sign * distance)
        return found

    def _probe(self, distance: float) -> float:
        at = (self.origin + self.sign * distance,)
        point = self.profile.probe(at, self._start(distance))
        height = self.height(point)
        if math.isnan(height):
            height = math.inf
        insort(self.known, (distance, height, point), key=lambda k: k[0])
        self.seen(point, height)
        return height

    def _start(self, distance: float) -> Any:
        """The others, linearly along the profile from the two nearest points."""
        good = [k for k in self.known if k[1] <= FAR * self.wanted]
        if len(good) == 1:
            return self.profile.tangent((self.origin + self.sign * distance,))
        near = sorted(good, key=lambda k: abs(k[0] - distance))[:2]
        (d0, _, p0), (d1, _, p1) = near
        return p0.u + (distance - d0) / (d1 - d0) * (p1.u - p0.u)

    def _find(self, height: float) -> float:
        """The distance of this height, or infinity; `ended` then says why."""
        self.wanted = height
        for _ in range(self.maxiter):
            inside, outside = self._bracket(height)
            if outside is None:
                distance = self._outwards(height)
                if distance is None:
                    return math.inf
                before = self.known[-1]
                # In a linear model the first step meets the end, but for rounding.
                ahead = distance - before[0]
                if height - before[1] <= NEAR * height and ahead <= CLOSE * self.scale:
                    return distance
                reached = self._probe(distance)
                change = reached - before[1]
                flat = change < self.min_rel_change * abs(reached)
                if reached == before[1] == 0:  # not above the best fit: at it, or below
                    new, old = self.known[-1][2].chisqr, before[2].chisqr
                    flat = abs(new - old) <= 1e-12 * old
                if reached < height and flat:
                    self.ended = (
                        f"chi-square changes by less than min_rel_change={self.min_rel_change:g} "
                        f"at {self.origin + self.sign * distance:g}"
                    )
                    return math.inf
                if abs(reached - height) <= 1e-12 * height:
                    return distance
                continue
            distance = self._between(height, inside, outside)
            near = min(inside, outside, key=lambda k: abs(k[0] - distance))
            if abs(near[1] - height) <= NEAR * height:
                if abs(near[0] - distance) <= CLOSE * self.scale:
                    return distance
            elif outside[0] - inside[0] <= CLOSE * self.scale * 1e-2:
                name, value = self.profile.held[0].name, self.origin + self.sign * distance
                self.profile.messages.append(
                    f"{name}: chi-square jumps at {value:.10g}, which is taken for the end of the "
                    "interval: the others have another minimum beyond, or the model ends there"
                )
                return distance
            if abs(self._probe(distance) - height) <= 1e-12 * height:
                return distance
        self.ended = f"not found in maxiter={self.maxiter} steps"
        return math.inf

    def _bracket(
        self, height: float
    ) -> tuple[tuple[float, float, Point], tuple[float, float, Point] | None]:
        """The first neighbours with lower and higher chi-square than wanted."""
        for before, after in zip(self.known, self.known[1:], strict=False):
            if before[1] < height <= after[1]:
                return before, after
        return self.known[-1], None

    def _outwards(self, height: float) -> float | None:
        """Where the end may be, beyond all points; None at a bound."""
        last, before = self.known[-1], self.known[-2] if len(self.known) > 1 else None
        if last[0] >= self.reach:
            value = self.origin + self.sign * self.reach
            self.ended = f"Bound reached, the bound {value:g} is within it"
            return None
        if before is None:
            distance = self.scale * height / self.unit
        else:
            rise = (last[1] - before[1]) / (last[0] - before[0])
            ahead = (height - last[1]) / rise if rise > 0 else math.inf
            # A little further, so that the end is between two points.
            ahead += min(0.05 * ahead, 0.02 * self.scale)
            distance = last[0] + min(ahead, STRIDE * last[0])
        if not math.isfinite(distance) or self.origin + self.sign * distance == self.origin:
            self.ended = f"not reached at {self.origin + self.sign * last[0]:g}"
            return None
        return min(distance, self.reach)

    def _between(
        self, height: float, inside: tuple[float, float, Point], outside: tuple[float, float, Point]
    ) -> float:
        """Inverse quadratic interpolation by the nearest point beside the bracket, or halving."""
        (a, fa, _), (b, fb, _) = inside, outside
        middle = 0.5 * (a + b)
        if not fb <= FAR * height:
            return middle
        secant = a + (height - fa) / (fb - fa) * (b - a)
        others = [
            k for k in self.known if k is not inside and k is not outside and math.isfinite(k[1])
        ]
        distance = secant
        if others:
            c, fc, _ = min(others, key=lambda k: abs(k[0] - secant))
            if fc < fa or fc > fb:
                distance = (
                    a * (height - fb) * (height - fc) / ((fa - fb) * (fa - fc))
                    + b * (height - fa) * (height - fc) / ((fb - fa) * (fb - fc))
                    + c * (height - fa) * (height - fb) / ((fc - fa) * (fc - fb))
                )
        if not a < distance < b:
            distance = secant
        # A bracket that is too wide for what was found on it: halve it.
        if b - a > 4 * self.scale and min(distance - a, b - distance) < 1e-3 * (b - a):
            return middle
        return distance


class IntervalTask(NamedTuple):
    """What is wanted for one variable."""

    fit: Fitted
    name: str
    scale: float  # the standard error
    levels: list[tuple[float, float]]  # probabilities inside and outside, from within outwards
    statistic: Statistic
    maxiter: int
    min_rel_change: float
    trace: bool
    verbose: bool


def find_interval(
    task: IntervalTask,
) -> tuple[list[tuple[float, float]], list[list[float]], Remarks]:
    """Pairs of probability and value, the points looked at, and what is to be said about them."""
    name, statistic = task.name, task.statistic
    profile = Profile(task.fit, [name])
    if task.verbose:
        print(f"Calculating CI for {name}")  # noqa: T201
    rows = [[*profile.values(), 0.0]]

    def seen(point: Point, height: float) -> None:
        del height
        if task.trace or task.verbose:
            prob = statistic.probability(point.chisqr)
            rows.append([*profile.values(), prob])
            if task.verbose:
                shown = f"{name} = {point.at[0]:.10g}: chi-square {point.chisqr:.10g}"
                print(f"{shown}, probability {prob:.6g}")  # noqa: T201

    wanted = [statistic.wanted(outside) for _, outside in task.levels]
    inside = [level for level, _ in task.levels]
    ends = {}
    for sign in (-1, 1):
        side = Side(
            profile,
            statistic.height,
            sign,
            task.scale,
            statistic.unit(),
            task.maxiter,
            task.min_rel_change,
            seen,
        )
        ends[sign] = list(zip(inside, side.ends(wanted), strict=True))
    pairs = [*ends[-1][::-1], (0.0, profile.best.at[0]), *ends[1]]
    return pairs, rows, profile.remarks()
