"""Runs in an environment that has ToDACoMM and nothing of this project: reads prompts, computes diagrams, its way."""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from todacomm.extract.transformer_activations import ActivationConfig, extract_transformer_activations
from todacomm.models.transformer import load_pretrained_transformer
from todacomm.tda.persistence import TDAConfig, compute_persistence

BATCH = 8


def batches(token_ids: list[list[int]]):
    """As a DataLoader of it gives them."""
    for start in range(0, len(token_ids), BATCH):
        some = token_ids[start : start + BATCH]
        longest = max(map(len, some))
        yield {
            "input_ids": torch.tensor([one + [0] * (longest - len(one)) for one in some]),
            "attention_mask": torch.tensor([[1] * len(one) + [0] * (longest - len(one)) for one in some]),
        }


def main() -> None:
    folder = Path(sys.argv[1])
    asked = json.loads((folder / "asked.json").read_text())
    with np.load(folder / "asked.npz") as arrays:
        clouds = arrays["clouds"]
    model = load_pretrained_transformer(asked["model"])
    layer = f"layer_{asked['layer'] - 1}"  # it counts blocks from 0, and hidden states begin with the embeddings
    config = ActivationConfig(layers=layer, pool_strategy="last", batch_size=BATCH, show_progress=False)
    start = time.perf_counter()
    states = extract_transformer_activations(model, batches(asked["tokens"]), config)[layer]["X"]
    reading = time.perf_counter() - start
    how = TDAConfig(pca_components=None)
    compute_persistence(clouds[0], how)
    start = time.perf_counter()
    found = [compute_persistence(cloud, how)["dgms"] for cloud in clouds]
    each = (time.perf_counter() - start) / len(clouds)
    (folder / "found.json").write_text(json.dumps({"reading": reading, "each": each}))
    np.savez(folder / "found.npz", states=states, h0=found[0][0], h1=found[0][1])


if __name__ == "__main__":
    main()
