"""What one archive file of a result is for."""

CHECKPOINT = "checkpoint"
CELL = "cell"  # a checkpoint at a layer
TRANSITION = "transition"  # two consecutive checkpoints of a series
TRANSITION_LAYER = "transition at a layer"
PAIR_LAYER = "pair at a layer"  # any two checkpoints of the study
SERIES_LAYER = "series at a layer"
SECOND_READING = "second reading of a cell"
STUDY = "study"
