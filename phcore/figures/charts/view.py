"""One view of a chart, whose copies share its parts.

Altair copies every view of a chart five times over while it puts them together, down to each empty property
of each axis: most of the time a chart took. What it changes in a copy, it replaces as a whole, so that
sharing the parts is safe.
"""

import altair as alt


class View(alt.Chart):
    """An `alt.Chart` that is cheap to copy."""

    def __deepcopy__(self, memo: object = None) -> "View":
        return self.copy(deep=False)
