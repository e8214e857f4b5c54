"""Colours of heat maps: one hue, from white to dark, in steps that look equally large."""

import numpy as np
from matplotlib.colors import Colormap, ListedColormap

DARKEST = (0.36, -0.025, -0.17)
"""Dark blue in Oklab: lightness, green to red, blue to yellow."""
UNKNOWN = "#d9d9d9"
"""Where there is no number: a grey, which no shade is."""


def blues() -> Colormap:
    """A straight line from white to dark blue in Oklab (Ottosson 2020), where distance is looks."""
    oklab = np.linspace((1.0, 0.0, 0.0), DARKEST, 256)
    cones = oklab @ [
        [1.0, 1.0, 1.0],
        [0.3963377774, -0.1055613458, -0.0894841775],
        [0.2158037573, -0.0638541728, -1.2914855480],
    ]
    linear = cones**3 @ [
        [4.0767416621, -1.2684380046, -0.0041960863],
        [-3.3077115913, 2.6097574011, -0.7034186147],
        [0.2309699292, -0.3413193965, 1.7076147010],
    ]
    curved = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055
    )
    return ListedColormap(np.clip(curved, 0, 1), "blues").with_extremes(bad=UNKNOWN)
