"""The plain way: what one writes in an afternoon with transformers, ripser.py and persim, and no more."""

import numpy as np
import persim
import torch
from ripser import ripser

BATCH = 8


@torch.no_grad()
def states(model, token_ids: list[list[int]], layers: list[int], padding: int = 0) -> dict[int, np.ndarray]:
    """Hidden states at the last token of each prompt, by layer, float32 (n, d)."""
    rows: dict[int, list[np.ndarray]] = {layer: [] for layer in layers}
    for start in range(0, len(token_ids), BATCH):
        some = token_ids[start : start + BATCH]
        longest = max(map(len, some))
        ids = torch.tensor([one + [padding] * (longest - len(one)) for one in some], device=model.device)
        mask = torch.tensor([[1] * len(one) + [0] * (longest - len(one)) for one in some], device=model.device)
        hidden = model(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
        last = torch.tensor([len(one) - 1 for one in some], device=model.device)
        for layer in layers:
            rows[layer].append(hidden[layer][torch.arange(len(some)), last].float().cpu().numpy())
    return {layer: np.concatenate(some) for layer, some in rows.items()}


def diagrams(cloud: np.ndarray, indices: np.ndarray) -> list[list[np.ndarray]]:
    """H0 and H1 of each subsample, the class that never dies left out."""
    found = []
    for row in indices:
        h0, h1 = ripser(cloud[row])["dgms"]
        found.append([h0[np.isfinite(h0[:, 1])], h1])
    return found


def distances(earlier: list, later: list, degree: int) -> np.ndarray:
    """Wasserstein distance of each subsample's diagrams between two checkpoints: order 1, Euclidean ground metric."""
    return np.array([persim.wasserstein(a[degree], b[degree]) for a, b in zip(earlier, later, strict=True)])
