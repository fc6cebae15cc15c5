"""Words for the columns that many tables share."""

CELL = {
    "series": "name of the series",
    "step": "training step of the checkpoint; 0 is the base model",
    "layer": "hidden_states index: 0 = embeddings, the last = after the final norm",
}
DISTANCE = {
    "degree": "0 (connected components) or 1 (loops)",
    "order": "order p of the Wasserstein distance: 1, 2 or inf (bottleneck)",
    "norm": "ground norm q on the birth-death plane",
    "scale": "raw, or median (diagrams divided by their cloud's median pairwise distance)",
}
TRANSITION = {
    "series": "name of the series",
    "step_from": "step of the earlier checkpoint",
    "step": "step of the later checkpoint",
    "layer": CELL["layer"],
}
PAIR = {"series_a": "one of two series", "series_b": "the other"}
SUBSAMPLE = {"subsample": "number of the index set; -1 is the whole cloud"}
