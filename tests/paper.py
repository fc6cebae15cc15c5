"""Model and adapter folders made of headers, for tests that look at checkpoints without opening them."""

from __future__ import annotations

import hashlib
import json
from math import prod
from pathlib import Path

HIDDEN, ROWS, LAYERS, RANK = 8, 20, 2, 2


def write_tensors(file: Path, shapes: dict[str, tuple[int, ...]], fill: bytes = b"") -> Path:
    """A valid safetensors file of F32 tensors, written by hand: of `fill`, or else of what no other file holds."""
    fill = fill or hashlib.md5(str(file).encode()).digest()
    header, end = {}, 0
    for name, shape in shapes.items():
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [end, end + 4 * prod(shape)]}
        end += 4 * prod(shape)
    raw = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(len(raw).to_bytes(8, "little") + raw + (fill * end)[:end])
    return file


def llama_shapes(hidden: int = HIDDEN, rows: int = ROWS, layers: int = LAYERS) -> dict[str, tuple[int, ...]]:
    shapes = {
        "model.embed_tokens.weight": (rows, hidden),
        "lm_head.weight": (rows, hidden),
        "model.norm.weight": (hidden,),
    }
    for k in range(layers):
        shapes |= {
            f"model.layers.{k}.self_attn.q_proj.weight": (hidden, hidden),
            f"model.layers.{k}.mlp.up_proj.weight": (2 * hidden, hidden),
        }
    return shapes


def config(folder: Path, **changes: object) -> None:
    whole = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "num_hidden_layers": LAYERS,
        "hidden_size": HIDDEN,
        "max_position_embeddings": 64,
    } | changes
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(whole))


def model(folder: Path, shapes: dict[str, tuple[int, ...]] | None = None, fill: bytes = b"", **changes: object) -> Path:
    """A full checkpoint in one file."""
    config(folder, **changes)
    write_tensors(folder / "model.safetensors", shapes or llama_shapes(), fill)
    return folder


def sharded(folder: Path, count: int = 3) -> Path:
    """A full checkpoint in several files with an index."""
    config(folder)
    names = list(llama_shapes())
    weight_map = {name: f"model-{k % count + 1:05}-of-{count:05}.safetensors" for k, name in enumerate(names)}
    for file in sorted(set(weight_map.values())):
        write_tensors(folder / file, {n: s for n, s in llama_shapes().items() if weight_map[n] == file})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return folder


def lora(folder: Path, shapes: dict[str, tuple[int, ...]] | None = None, fill: bytes = b"", **changes: object) -> Path:
    """A LoRA adapter; its tensors as PEFT names them."""
    prefix = "base_model.model.model.layers.0"
    shapes = shapes or {
        f"{prefix}.self_attn.q_proj.lora_A.weight": (RANK, HIDDEN),
        f"{prefix}.self_attn.q_proj.lora_B.weight": (HIDDEN, RANK),
        f"{prefix}.mlp.up_proj.lora_A.weight": (RANK, HIDDEN),
        f"{prefix}.mlp.up_proj.lora_B.weight": (2 * HIDDEN, RANK),
    }
    whole = {
        "peft_type": "LORA",
        "r": RANK,
        "lora_alpha": 4,
        "target_modules": ["q_proj", "up_proj"],
        "base_model_name_or_path": "someone/some-model",
    } | changes
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps(whole))
    write_tensors(folder / "adapter_model.safetensors", shapes, fill)
    return folder


def hub(root: Path, name: str, revisions: dict[str, str]) -> Path:
    """A repository of the hub cache: refs, and snapshots whose files are links into blobs."""
    repository = root / f"models--{name.replace('/', '--')}"
    for ref, commit in revisions.items():
        snapshot = model(repository / "snapshots" / commit, fill=commit[:1].encode())
        for file in list(snapshot.iterdir()):
            blob = repository / "blobs" / f"{commit}-{file.name}"
            blob.parent.mkdir(parents=True, exist_ok=True)
            file.rename(blob)
            file.symlink_to(Path("../..") / "blobs" / blob.name)
        (repository / "refs" / ref).parent.mkdir(parents=True, exist_ok=True)
        (repository / "refs" / ref).write_text(commit)
    return repository
