"""Architectures of transformers, tiny and with random weights: what this library reads of each is what plain
transformers and PEFT give, one prompt at a time.

    python -m scripts.wild.architectures [MODEL_TYPE ...]

Nothing here knows a model type by heart but for what makes its configuration small: all of them come from
transformers' own mapping of causal language models.
"""

import contextlib
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from phcore import activations, checkpoints
from phcore.errors import Fault
from scripts.wild.case import Workshop, case

MOST_PARAMETERS = 8e6
TOLERANCE = 1e-4  # relative, of a row
SAME = 20  # tokens that all prompts begin with, so that sharing them is tried
WIDTH, LAYERS = 32, 4
KINDS = ("base", "full", "adapter")

# What is small, by the names that configurations give it.
SMALL: dict[str, object] = {
    # width
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "dim", "embedding_size", "word_embed_proj_dim"), WIDTH),
    **dict.fromkeys(("lru_width", "out_hidden_size", "emb_dim", "d_embed"), WIDTH),
    **dict.fromkeys(("intermediate_size", "ffn_dim", "n_inner", "decoder_ffn_dim", "encoder_ffn_dim", "d_ff"), 48),
    **dict.fromkeys(("dim_ff", "d_inner", "ffn_hidden_size", "dff"), 48),
    # depth
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers"), LAYERS),
    **dict.fromkeys(("num_decoder_layers", "decoder_layers", "num_encoder_layers", "encoder_layers"), LAYERS),
    "depth": 1,
    # attention
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads"), 4),
    **dict.fromkeys(("decoder_attention_heads", "encoder_attention_heads", "num_decoder_attention_heads"), 4),
    **dict.fromkeys(("num_encoder_attention_heads", "cross_attention_num_heads"), 4),
    **dict.fromkeys(("num_key_value_heads", "num_kv_heads", "num_global_key_value_heads"), 2),
    **dict.fromkeys(("head_dim", "d_kv", "attention_head_dim", "kv_channels", "dim_head", "global_head_dim"), 8),
    **dict.fromkeys(("rotary_dim", "v_head_dim", "kv_lora_rank", "q_lora_rank", "qk_head_dim"), 8),
    **dict.fromkeys(("qk_rope_head_dim", "qk_nope_head_dim"), 4),
    **dict.fromkeys(("sliding_window", "attention_window_size", "attention_chunk_size", "window_size"), 16),
    "index_n_heads": 2, "index_head_dim": 8, "index_topk": 64,
    # tokens
    **dict.fromkeys(("vocab_size", "vocab_size_per_layer_input", "encoder_hash_byte_group_vocab"), 600),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length", "max_seq_len"), 128),
    "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2,
    # mixtures
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "moe_topk", "moe_k", "moe_router_topk"), 2),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size", "expert_ffn_hidden_size"), 16),
    **dict.fromkeys(("n_shared_experts", "n_group", "topk_group", "num_expert_group", "first_k_dense_replace"), 1),
    # states
    **dict.fromkeys(("mamba_n_heads", "mamba_num_heads", "time_step_rank", "mamba_dt_rank", "conv_kernel"), 4),
    **dict.fromkeys(("mamba_d_head", "mamba_head_dim"), 16),
    **dict.fromkeys(("mamba_d_state", "ssm_state_size", "state_size", "chunk_size", "mamba_chunk_size"), 8),
    **dict.fromkeys(("mamba_n_groups", "n_groups", "num_memory_blocks"), 1),
    **dict.fromkeys(("expand", "mamba_expand"), 2),
    "mamba_d_ssm": 64, "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 8,
    "linear_value_head_dim": 8, "adapter_rank": 4, "hidden_size_per_layer_input": 8, "laurel_rank": 4,
    "num_kv_shared_layers": 0,
    # pictures
    "image_size": 28, "patch_size": 14,
}  # fmt: skip
BY_LAYER = ("layer_types", "mlp_layer_types", "layers_block_type")

# What a model type needs beside.
OWN: dict[str, dict[str, object]] = {
    "dbrx": {"attn_config": {"kv_n_heads": 2}, "ffn_config": {"ffn_hidden_size": 16, "moe_num_experts": 4}},
    "gpt_neo": {"attention_types": [[["global", "local"], 2]]},
    "mamba2": {"num_heads": 4, "head_dim": 16},
    "gemma3n_text": {"intermediate_size": 48, "activation_sparsity_pattern": [0.0] * 4},
    "kimi_linear": {"num_experts_per_token": 2, "num_expert_group": 1},
    "bailing_hybrid": {"n_group": 1, "topk_group": 1, "num_experts": 8},
    "reformer": {"axial_pos_embds": False, "hidden_size": WIDTH, "attn_layers": ["local", "lsh", "local", "lsh"]},
    "xlm": {"n_words": 600, "emb_dim": WIDTH, "causal": True},
    "roc_bert": {"pronunciation_vocab_size": 50, "shape_vocab_size": 50},
    "xmod": {"default_language": "en_XX"},
    "zamba2": {"num_mem_blocks": 1},
    "lfm2_moe": {"layer_types": ["conv", "full_attention", "conv", "full_attention"]},
    "llama4": {"text_config": {"layer_types": ["chunked_attention", "full_attention"] * 2}},
}
LATENT = {"num_key_value_heads": 4, "head_dim": 4}  # attention whose keys are made from one latent vector
OWN |= dict.fromkeys(
    (
        "axk1",
        "axk2",
        "deepseek_v2",
        "glm4_moe_lite",
        "deepseek_v3",
        "deepseek_v32",
        "glm_moe_dsa",
        "longcat_flash",
        "youtu",
    ),
    LATENT,
)


@dataclass(frozen=True)
class Outcome:
    """What came of one case. `verdict` : "right", "refused" (where transformers or PEFT lose some of its weights),
    "wrong", "crash" or "not built"."""

    case: str
    verdict: str
    words: str


class NotBuilt(Exception):
    """Why there is no tiny model of a type."""


def model_types() -> list[str]:
    """Those that transformers has a causal language model for."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    return sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)


def in_table(types: list[str], quick: bool) -> None:
    """Enter a case for each type and kind into the table of all cases."""
    for model_type in types:
        for kind in KINDS:

            def build(workshop: Workshop, model_type: str = model_type, kind: str = kind) -> tuple[str, str]:
                found = attempt(model_type, kind, workshop.folder)
                return found.verdict, "" if found.verdict == "right" else found.words

            case("architectures", f"{model_type}, {kind}", quick)(build)


def attempt(model_type: str, kind: str, folder: Path) -> Outcome:
    """Read a tiny model of a type, or a checkpoint of it, and compare with plain reading."""
    case = f"{model_type} {kind}"
    try:
        with _quiet():
            base = folder / "base"
            build(model_type, base)
            place = base if kind == "base" else (_tuned if kind == "full" else _adapter)(base, folder / kind)
            wanted, lost = plain(base, place, kind, prompts())
    except NotBuilt as why:
        return Outcome(case, "not built", str(why))
    refused = "refused" if lost else "wrong"
    try:
        with _quiet():
            if finding := _scanned(base, place, kind):
                return Outcome(case, refused, f"refused: {finding}")
            worst = difference(base, place, kind, wanted)
    except Fault as fault:
        return Outcome(case, refused, f"{lost}: {fault}" if lost else f"refused: {fault}")
    except Exception as error:  # what the table is for
        return Outcome(case, "crash", f"{type(error).__name__}: {error}".splitlines()[0][:200])
    if lost:
        return Outcome(case, "wrong", f"read, though {lost}")
    return Outcome(case, "right" if worst <= TOLERANCE else "wrong", f"{worst:.1e} over {len(wanted)} layers")


# --- tiny models --------------------------------------------------------------------------------


def build(model_type: str, folder: Path) -> None:
    """Save a tiny model of a type with random weights. Raises NotBuilt."""
    import torch
    from transformers import AutoModelForCausalLM

    try:
        config = small(model_type)
        with torch.device("meta"):
            parameters = sum(one.numel() for one in AutoModelForCausalLM.from_config(config).parameters())
        if parameters > MOST_PARAMETERS:
            raise NotBuilt(f"{parameters / 1e6:.0f} million parameters where all that is known by name is small")
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        _shake(model, 0.05)
        with torch.inference_mode():
            model.eval()(input_ids=torch.tensor(prompts()[:1]), use_cache=False)
        model.save_pretrained(folder)
    except NotBuilt:
        raise
    except Exception as error:  # anything: the configuration made small may fit no model
        raise NotBuilt(f"{type(error).__name__}: {error}".splitlines()[0][:160]) from error


def small(model_type: str):
    """A configuration of a type, with everything small that is known by name."""
    from transformers import CONFIG_MAPPING

    kind = CONFIG_MAPPING[model_type]
    given = _shrunk(kind().to_dict()) | OWN.get(model_type, {})
    config = kind(**given)
    inner = config.get_text_config()
    if hasattr(inner, "is_decoder"):
        inner.is_decoder = True  # of models that read to both sides otherwise
    return config


def _shrunk(config: dict) -> dict:
    """What is small in a configuration, and in those inside; one layer of each kind after the other."""
    found = {}
    for name, value in config.items():
        if isinstance(value, dict) and name.endswith("_config"):
            found[name] = {key: one for key, one in value.items() if key != "per_layer_config"} | _shrunk(value)
        elif name in BY_LAYER and isinstance(value, list) and value:
            kinds = list(dict.fromkeys(value))
            found[name] = [kinds[k % len(kinds)] for k in range(LAYERS)]
        elif name in SMALL and (value is None or isinstance(value, int | float)):
            found[name] = SMALL[name]
    return found


def _shake(model, width: float) -> None:
    """Weights wider than usual, and norms that are no identity: faults must show in the hidden states."""
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.is_floating_point():
                parameter += width * torch.randn_like(parameter)


def _tuned(base: Path, folder: Path) -> Path:
    import torch
    from transformers import AutoModelForCausalLM

    try:
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        torch.manual_seed(1)
        _shake(model, 0.02)
        model.save_pretrained(folder)
    except Exception as error:
        raise NotBuilt(f"transformers itself does not: {error}".splitlines()[0][:160]) from error
    return folder


def _adapter(base: Path, folder: Path) -> Path:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    try:
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        torch.manual_seed(2)
        config = LoraConfig(r=2, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
        adapted = get_peft_model(model, config)
        with torch.no_grad():
            for parameter in adapted.parameters():
                if parameter.requires_grad:
                    parameter += 0.1 * torch.randn_like(parameter)
        adapted.save_pretrained(folder)
    except Exception as error:
        raise NotBuilt(f"PEFT itself does not: {error}".splitlines()[0][:160]) from error
    return folder


# --- reading both ways ----------------------------------------------------------------------------


def prompts() -> list[list[int]]:
    """Token ids of prompts of different lengths that begin alike."""
    rng = np.random.default_rng(0)
    same = rng.integers(5, 250, SAME).tolist()
    return [[*same, *rng.integers(5, 250, length).tolist()] for length in (1, 3, 4, 9, 12)]


def difference(base: Path, place: Path, kind: str, wanted: list[np.ndarray]) -> float:
    """The largest relative difference of a row between this library and plain reading.

    wanted : by layer (prompts, d), as `plain` gives them.
    """
    with activations.Loader(base) as loader:
        taken, _ = activations.read(loader.open(place, kind), prompts(), range(len(wanted)), [[5, 6, 7], [5, 9], [8]])
    norms = [np.maximum(np.linalg.norm(rows, axis=1), 1e-12) for rows in wanted]
    return max(float(np.max(np.linalg.norm(taken.clouds[k] - wanted[k], axis=1) / norms[k])) for k in taken.clouds)


def _scanned(base: Path, place: Path, kind: str) -> str:
    """What is found wrong before anything is loaded; "" for nothing."""
    if kind == "base":
        return checkpoints.describe_model(base).finding
    return next(one.finding for series in checkpoints.scan(place, base) for one in series.checkpoints)


def plain(base: Path, place: Path, kind: str, ids: list[list[int]]) -> tuple[list[np.ndarray], str]:
    """By layer, the hidden states at the last token of each prompt, read alone by transformers and PEFT; and what of
    the files they lose without a word, "" for nothing.

    Where a model carries several streams of hidden states, all of them, one after the other.
    """
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    try:
        model = AutoModelForCausalLM.from_pretrained(base if kind == "adapter" else place, dtype=torch.float32)
        lost = _lost(model, base if kind == "adapter" else place, "base")
        if kind == "adapter":
            model = PeftModel.from_pretrained(model, place)
            lost = lost or _lost(model, place, kind)
        by_prompt = []
        with torch.inference_mode():
            for one in ids:
                found = model.eval()(input_ids=torch.tensor([one]), output_hidden_states=True, use_cache=False)
                by_prompt.append([_last(state, len(one)) for state in found.hidden_states])
    except Exception as error:
        raise NotBuilt(f"what transformers saved it does not read: {error}".splitlines()[0][:160]) from error
    return [np.stack(rows) for rows in zip(*by_prompt, strict=True)], lost


def _lost(model, place: Path, kind: str) -> str:
    """A tensor of a file that is another one in the loaded model, by the names that the libraries themselves save."""
    import torch
    from peft import get_peft_model_state_dict
    from safetensors.torch import load_file

    own = get_peft_model_state_dict(model) if kind == "adapter" else model.state_dict()
    for file in sorted(place.glob("*.safetensors")):
        for name, tensor in load_file(file).items():
            if name in own and not (own[name].shape == tensor.shape and torch.equal(own[name], tensor)):
                return f"{'PEFT' if kind == 'adapter' else 'transformers'} itself loses {name}"
    return ""


def _last(state, length: int) -> np.ndarray:
    """Of a state (1, length, d), or with a further axis of streams behind or in front."""
    if state.ndim == 4 and state.shape[0] != 1:  # (streams, 1, length, d)
        return state[:, 0, length - 1].flatten().numpy()
    return state[0, length - 1].flatten().numpy()


# --- the table -------------------------------------------------------------------------------------


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def main(types: list[str]) -> int:
    started, found = time.monotonic(), []
    for model_type, kind in product(types or model_types(), KINDS):
        folder = Path(tempfile.mkdtemp(prefix="architectures-"))
        try:
            found.append(attempt(model_type, kind, folder))
        finally:
            shutil.rmtree(folder)
        print(f"{found[-1].case:<32} {found[-1].verdict:<10} {found[-1].words}", flush=True)
    for verdict in ("right", "refused", "wrong", "crash", "not built"):
        some = [one for one in found if one.verdict == verdict]
        print(f"{verdict}: {len(some)} cases, {len({one.case.split()[0] for one in some})} model types")
    print(f"{time.monotonic() - started:.0f} s")
    return int(any(one.verdict in ("wrong", "crash") for one in found))


QUICK = ["gemma3n_text", "gpt2", "llama4_text", "mixtral", "nemotron_h", "opt", "roberta"]
in_table(QUICK, quick=True)
in_table(sorted(set(model_types()) - set(QUICK)), quick=False)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
