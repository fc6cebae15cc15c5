"""Second clouds: the base and the last checkpoints read once more, otherwise than before. What differs is rounding."""

from dataclasses import replace

from phcore.stages import clouds
from phcore.stages.registry.result import SECOND_READING

RESULT = replace(
    clouds.RESULT,
    name="second_clouds",
    label="Numerical noise",
    shown=False,
    per=SECOND_READING,
    inputs=(*clouds.RESULT.inputs, "reading"),
)
