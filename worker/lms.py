"""LMS without SciPy, which diffusers wants for one integral that has an exact value."""

import numpy as np
from diffusers.schedulers.scheduling_lms_discrete import LMSDiscreteScheduler

# Two nodes integrate polynomials up to the third degree exactly, as those of four steps are.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(2)


class LinearMultistepScheduler(LMSDiscreteScheduler):  # type: ignore[misc]  # Untyped, as all of diffusers.
    """LMS of up to four steps."""

    def get_lms_coefficient(self, order: int, t: int, current_order: int) -> float:
        """Give the weight of the derivative `current_order` steps ago, for the step at `t`."""
        start, end = float(self.sigmas[t]), float(self.sigmas[t + 1])
        own = float(self.sigmas[t - current_order])
        others = [float(self.sigmas[t - k]) for k in range(order) if k != current_order]
        half = (end - start) / 2
        sigmas = start + half * (1 + _NODES)
        values = np.prod([(sigmas - other) / (own - other) for other in others], axis=0)
        return float(half * np.sum(_WEIGHTS * values))
