"""95 % confidence intervals of scores."""

from math import sqrt

from appliance.service.certificate import Metric

Z = 1.959963984540054


def metric(name: str, value: float, standard_error: float, samples: int) -> Metric:
    """A score with its 95 % interval: Wilson's for a proportion (accuracy), the normal one for other means.

    Wilson's interval (J. Am. Stat. Assoc. 22 (1927) 209) stays within 0 and 1 and is right also near its ends, where
    the normal interval of a model that fails everything would have no width.

    Args:
        name: name of the score, its last part the kind, for example ``match/accuracy``.
        value: the score.
        standard_error: its standard error.
        samples: number of samples.
    """
    if name.endswith("accuracy"):
        centre = (value + Z * Z / (2 * samples)) / (1 + Z * Z / samples)
        half = Z / (1 + Z * Z / samples) * sqrt(value * (1 - value) / samples + Z * Z / (4 * samples * samples))
    else:
        centre, half = value, Z * standard_error
    low, high = max(0.0, centre - half), centre + half
    return Metric(name=name, value=value, standard_error=standard_error, low=low, high=high)
