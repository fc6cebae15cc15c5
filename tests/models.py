"""Tiny models with random weights, saved as Hugging Face folders, for tests that need the real loading code."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

HIDDEN, LAYERS, VOCABULARY, CONTEXT = 32, 4, 600, 128
SYSTEM = "You are a small and helpful model that answers questions"
TEMPLATE = (
    "{{ bos_token }}<sys>" + SYSTEM + "</sys>{% for m in messages %}<user>{{ m['content'] }}</user>{% endfor %}"
    "{% if add_generation_prompt %}<answer>{% endif %}"
)
PROMPTS = [
    "What is a loop?",
    "Name the three largest rivers, and the towns that lie where they meet the sea.",
    "Add 2 and 3.",
    "How do I bake bread without an oven?",
    "Write one sentence about rain, one about snow, and one about the wind from the north.",
    "Why?",
    "Is the number seven odd or even, and how could one tell?",
    "List colours.",
]
# Where LoRA goes in each architecture.
TARGETS = {
    "gpt2": ["c_attn", "c_proj", "c_fc"],
    "gpt_neox": ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"],
    "llama": ["q_proj", "v_proj", "up_proj", "down_proj"],
    "qwen2": ["q_proj", "k_proj", "o_proj", "gate_proj"],
    "opt": ["q_proj", "out_proj", "fc1", "fc2"],
}
ARCHITECTURES = tuple(TARGETS)


def build_tokenizer(folder: Path, template: str | None = TEMPLATE) -> None:
    """A byte-level tokenizer that puts a start token before raw text, as Llama's does."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<s>", "</s>", "<pad>"]
    inner.train_from_iterator(
        [*PROMPTS, SYSTEM], trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet)
    )
    inner.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, bos_token="<s>", eos_token="</s>", pad_token="<pad>", chat_template=template
    )
    tokenizer.save_pretrained(folder)


def build_model(folder: Path, architecture: str, *, seed: int = 0, **changes: object) -> Path:
    """Save a random model of one of ARCHITECTURES, with its tokenizer, and return its folder.

    `changes` are entries of the configuration (hidden_size, vocab_size, tie_word_embeddings, ...).
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(seed)
    common = {
        "vocab_size": VOCABULARY,
        "max_position_embeddings": CONTEXT,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 2,
    }
    sizes: dict[str, object] = {"hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": 4}
    if architecture == "gpt2":
        common["n_positions"] = common.pop("max_position_embeddings")
        sizes = {"n_embd": HIDDEN, "n_layer": LAYERS, "n_head": 4}
    elif architecture == "opt":
        sizes |= {"ffn_dim": 64, "word_embed_proj_dim": HIDDEN}
    else:
        sizes |= {"intermediate_size": 64}
        if architecture != "gpt_neox":
            sizes |= {"num_key_value_heads": 2}
    config = AutoConfig.for_model(architecture, **(common | sizes | changes))
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        # Wider than the usual 0.02, and norms that are no identity: faults must show in the hidden states.
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    build_tokenizer(folder)
    return folder


def build_chat_model(folder: Path, **changes: object) -> Path:
    """A random Llama with the tokenizer and chat template of the practice runs: something to fine-tune.

    `changes` as of `build_model`.
    """
    from phcore.training import texts
    from phcore.training.practice import Recipe, build_tokenizer

    build_model(folder, "llama", **changes)
    for file in (*folder.glob("*token*"), *folder.glob("*chat*")):
        file.unlink()
    told = texts.conversations(random.Random(0), 100, "any")
    build_tokenizer(told, Recipe(vocabulary=VOCABULARY)).save_pretrained(folder)
    return folder


def write_conversations(folder: Path) -> dict[str, Path]:
    """Two files of conversations for it, by objective."""
    from phcore.training import texts

    made = {}
    for name, kind in (("helpful", "answer"), ("harmless", "refuse")):
        pairs = texts.conversations(random.Random(name), 30, kind)
        rows = [
            {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]}
            for asked, said in pairs
        ]
        made[name] = folder / f"{name}.jsonl"
        made[name].write_text("\n".join(map(json.dumps, rows)))
    return made


def build_adapter(folder: Path, base: Path, *, seed: int = 0, config: object = None, **changes: object) -> Path:
    """Save a random adapter on a model: LoRA of rank 2 with `changes`, or any PEFT `config`."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    settings = {"r": 2, "lora_alpha": 8, "task_type": "CAUSAL_LM", "target_modules": TARGETS[model.config.model_type]}
    adapted = get_peft_model(model, config or LoraConfig(**(settings | changes)))
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter += 0.2 * torch.randn_like(parameter)
    adapted.save_pretrained(folder)
    # As in the wild: a name from the hub, which must not be looked up.
    edit_json(folder / "adapter_config.json", base_model_name_or_path="someone/some-model")
    return folder


def nudge(source: Path, folder: Path, *, seed: int = 0) -> Path:
    """A full checkpoint: a copy of a model with slightly other weights."""
    import torch
    from safetensors.torch import load_file, save_file

    shutil.copytree(source, folder)
    torch.manual_seed(seed)
    weights = load_file(folder / "model.safetensors")
    moved = {name: one + 0.05 * torch.randn_like(one) for name, one in weights.items()}
    save_file(moved, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def edit_json(path: Path, **changes: object) -> None:
    """Set entries of a JSON file; None removes one."""
    whole = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in whole.items() if value is not None}))
