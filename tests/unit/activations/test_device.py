"""Where models and their inputs are. Without a GPU, torch's `meta` device stands for one: it computes shapes only, and
refuses what is not beside it, as a GPU does."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from phcore import activations
from phcore.activations import device, extraction, loading, trees
from phcore.activations.extraction import Prefix, Reader
from phcore.archive.store import Store
from phcore.errors import Fault
from phcore.pipeline import reading
from phcore.pipeline.plan import all_units
from phcore.study import devices
from phcore.study.resolve import resolve
from phcore.training import practice
from tests import studies
from tests.models import ARCHITECTURES, HIDDEN, LAYERS, PROMPTS, VOCABULARY


@pytest.fixture
def gpus(monkeypatch):
    """Pretend that there are so many."""

    def make(count):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)

    return make


@pytest.mark.parametrize(
    ("count", "asked", "there"),
    [(0, "auto", "cpu"), (2, "auto", "cuda:0"), (2, "cpu", "cpu"), (2, "cuda", "cuda:0"), (2, "cuda:1", "cuda:1")],
)
def test_what_is_asked_for_is_taken(gpus, count, asked, there):
    gpus(count)
    assert device.choose(asked) == torch.device(there)


@pytest.mark.parametrize(
    ("count", "asked", "words"),
    [
        (0, "cuda", "no NVIDIA GPU"),
        (0, "cuda:1", "no NVIDIA GPU"),
        (2, "cuda:2", "there is no cuda:2 here.* cpu or cuda:0, cuda:1"),
        (0, "mps", "no Apple GPU"),
        (0, "tpu", "is no device"),
    ],
)
def test_what_is_not_there_is_refused_with_the_mend(gpus, monkeypatch, count, asked, words):
    gpus(count)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(Fault, match=words):
        device.choose(asked)
    with pytest.raises(Fault, match=words):
        activations.Loader("/nowhere", device=asked)


def test_nothing_asked_is_what_the_environment_asks(gpus, monkeypatch):
    gpus(1)
    monkeypatch.setenv(devices.DEVICE, "cpu")
    assert device.choose() == torch.device("cpu")
    monkeypatch.delenv(devices.DEVICE)
    assert device.choose() == torch.device("cuda:0")


def test_a_model_too_large_for_the_device_is_a_fault(llama, monkeypatch):
    def full(self, *_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch.nn.Module, "to", full)
    with pytest.raises(Fault, match="not enough memory for it on cpu"):
        activations.load_model(llama)


# --- inputs are where the model is ----------------------------------------------------------------


@pytest.fixture(params=ARCHITECTURES)
def elsewhere(request, tiny):
    """A model on no real device, and prompts."""
    folder = tiny(request.param)
    return on_meta(activations.load_model(folder)), activations.encode(folder, PROMPTS)


def on_meta(model):
    """The model on `meta`, which checks that whatever it is given lies there too."""

    def check(_module, arguments, named):
        given = [one for one in (*arguments, *named.values()) if isinstance(one, torch.Tensor)]
        assert {one.device.type for one in given} == {"meta"}

    # What looks into its inputs, for a short cut or a warning, finds nothing to see here.
    model.set_attn_implementation("eager")
    model.base_model.warn_if_padding_and_no_attention_mask = lambda *_: None
    for module in (model, model.base_model, model.get_input_embeddings()):
        module.register_forward_pre_hook(check, with_kwargs=True)
    return model.to("meta")


def test_a_batch_is_read_where_the_model_is(elsewhere):
    model, token_ids = elsewhere
    reader = Reader(model, [0, LAYERS])
    with torch.inference_mode():
        prefix = reader.prefix(token_ids[0][: extraction.common_prefix(token_ids)])
        for begun in (Prefix(), prefix):
            states, logits, *_ = reader.read(token_ids, begun)
            assert {one.device.type for one in (*states.values(), logits)} == {"meta"}
            assert states[LAYERS].shape == (len(PROMPTS), HIDDEN)
            assert logits.shape == (len(PROMPTS), VOCABULARY)


def test_so_are_the_branches_of_continuations(elsewhere, monkeypatch):
    """Up to where numbers are taken off the device: `meta` has none to give."""
    model, token_ids = elsewhere
    seen = []
    monkeypatch.setattr(Reader, "run", lambda *a, run=Reader.run, **k: seen.append(run(*a, **k)) or seen[-1])
    rows = [(i, trees._grow([[5, 6, 7], [5, 8, 9]]), range(2)) for i in range(3)]
    with torch.inference_mode(), pytest.raises(RuntimeError, match="meta"):
        trees._read(Reader(model, [LAYERS]), token_ids, rows, Prefix())
    ((states, logits, *_),) = seen
    assert states[LAYERS].device.type == logits.device.type == "meta"


def test_so_are_the_texts_of_practice_runs(llama):
    model = on_meta(activations.load_model(llama))
    batch = {name: torch.zeros(2, 5, dtype=torch.long) for name in ("input_ids", "attention_mask", "labels")}
    moved = practice._beside(batch, model)
    assert {one.device.type for one in moved.values()} == {"meta"}
    assert model(**moved).loss.device.type == "meta"


# --- on a GPU -------------------------------------------------------------------------------------


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.setenv(devices.DEVICE, "cuda")


def rows_off(one, other):
    """Largest relative difference of a row over all layers."""
    pairs = [(one.clouds[k], other.clouds[k]) for k in one.clouds]
    return max((np.linalg.norm(a - b, axis=1) / np.linalg.norm(b, axis=1)).max() for a, b in pairs)


@pytest.mark.gpu
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_rows_on_the_gpu_are_those_of_the_cpu(tiny, lora, gpu, architecture):
    folder = tiny(architecture)
    token_ids = activations.encode(folder, PROMPTS)
    openings = activations.refusal_tokens(folder)
    found = {}
    for name in ("cpu", None):
        with activations.Loader(folder, device=name) as loader:
            for kind, place in (("base", folder), ("adapter", lora(architecture))):
                model = loader.open(place, kind)
                found[name, kind] = activations.read(model, token_ids, range(LAYERS + 1), openings)
    assert model.device.type == "cuda"
    for kind in ("base", "adapter"):
        (here, said_here), (there, said_there) = found["cpu", kind], found[None, kind]
        assert rows_off(there, here) < 1e-3
        np.testing.assert_allclose(there.next_roots, here.next_roots, atol=1e-3)
        np.testing.assert_allclose(said_there.refusal, said_here.refusal, rtol=1e-3)


@pytest.mark.gpu
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_batch_changes_no_row_on_the_gpu(tiny, gpu, architecture):
    folder = tiny(architecture)
    model, token_ids = activations.load_model(folder), activations.encode(folder, PROMPTS)
    reference = activations.extract(model, token_ids, range(LAYERS + 1), batch_tokens=1)
    for batch_tokens in (60, 100_000):
        taken = activations.extract(model, token_ids, range(LAYERS + 1), batch_tokens=batch_tokens)
        assert rows_off(taken, reference) < 1e-3


def test_a_cpu_reads_few_tokens_at_once_and_a_gpu_many(llama):
    model = activations.load_model(llama)
    assert activations.budget(model) == 1024


@pytest.mark.gpu
def test_a_study_and_practice_runs_on_the_gpu(tmp_path, llama, gpu):
    from phcore.archive.store import Store

    store = Store(tmp_path / "cache")
    studies.compute(studies.build_study(tmp_path, llama, subsamples=2), store)
    recipe = practice.Recipe(layers=2, hidden=48, base_steps=4, schedule=(1, 2), held_out=4)
    place = practice.practice(tmp_path / "practice", recipe=recipe)
    model = activations.load_model(place / "runs" / "helpful" / "checkpoint-2")
    assert model.device.type == "cuda"
    assert practice._mark(place)["finished"]


GIGABYTE = 1 << 30


@pytest.mark.parametrize(
    ("dtype", "kind", "memory", "tokens"),
    [
        ("float32", "cuda", 80, 8192),
        ("bfloat16", "cuda", 80, 16_384),
        ("bfloat16", "mps", 80, 16_384),
        ("bfloat16", "cuda", 24, 8192),  # 16 GB of weights; a token takes 0.4 MB
        ("bfloat16", "cuda", 18, 2048),
        ("bfloat16", "cuda", 12, 1024),  # the weights alone fill it: batches are made smaller from there
        ("bfloat16", "cpu", 80, 1024),
    ],
)
def test_a_budget_follows_from_model_and_device_alone(monkeypatch, dtype, kind, memory, tokens):
    """A model of 8 B parameters on GPUs of several sizes, whatever is free on them."""
    place = torch.device(kind)
    monkeypatch.setattr(extraction, "memory_of", lambda device: memory * GIGABYTE)
    text = SimpleNamespace(hidden_size=4096, num_hidden_layers=32, intermediate_size=14_336)
    kept = torch.empty(0, dtype=getattr(torch, dtype))
    weights = SimpleNamespace(nbytes=8 * 10**9 * kept.itemsize, device=place)
    model = SimpleNamespace(
        device=place,
        dtype=kept.dtype,
        parameters=lambda: iter([weights, SimpleNamespace(nbytes=10**15, device="elsewhere")]),
        config=SimpleNamespace(get_text_config=lambda decoder: text),
    )
    assert activations.budget(model) == tokens


# --- models that no GPU holds alone -----------------------------------------------------------------


@pytest.fixture
def asked_of_transformers(monkeypatch):
    """What transformers is asked for beside the folder; what it would put on GPUs lands on the CPU."""
    seen = []
    honest = loading.AutoModelForCausalLM.from_pretrained

    def from_pretrained(folder, **asked):
        if "output_loading_info" in asked:  # the fixtures of models do not care
            seen.append(dict(asked))
        asked.pop("quantization_config", None)
        return honest(folder, **(asked | ({"device_map": {"": "cpu"}} if asked.get("device_map") == "auto" else {})))

    monkeypatch.setattr(loading.AutoModelForCausalLM, "from_pretrained", from_pretrained)
    return seen


def test_a_model_is_spread_over_all_gpus_where_somebody_says_so(gpus, llama, lora, asked_of_transformers):
    gpus(2)
    token_ids = activations.encode(llama, PROMPTS[:3])

    def rows(device):
        with activations.Loader(llama, device=device) as loader:
            models = [loader.open(llama, "base"), loader.open(lora("llama"), "adapter")]
            return [activations.extract(model, token_ids, [LAYERS]).clouds[LAYERS] for model in models]

    np.testing.assert_array_equal(rows("cuda:all"), rows("cpu"))
    assert [asked.get("device_map") for asked in asked_of_transformers] == ["auto", None]


def test_what_the_gpus_cannot_hold_is_not_left_elsewhere(llama):
    model = SimpleNamespace(hf_device_map={"model.layers.0": 0, "model.layers.1": "cpu"}, device=torch.device("cuda"))
    with pytest.raises(Fault, match="not enough memory for it on the GPUs"):
        loading._refuse_what_lies_outside(model, llama)
    loading._refuse_what_lies_outside(
        SimpleNamespace(hf_device_map={"a": 0, "b": 1}, device=torch.device("cuda")), llama
    )


@pytest.mark.parametrize(("dtype", "bits"), [("int8", "load_in_8bit"), ("int4", "load_in_4bit")])
def test_weights_are_rounded_where_somebody_says_so(llama, monkeypatch, asked_of_transformers, dtype, bits):
    monkeypatch.setattr(loading, "find_spec", lambda name: name)
    monkeypatch.setattr(loading, "BitsAndBytesConfig", SimpleNamespace)  # the real one wants the package
    model = loading.load_model(llama, dtype, "cpu")
    [asked] = asked_of_transformers
    assert asked["device_map"] == {"": torch.device("cpu")}
    assert getattr(asked["quantization_config"], bits)
    assert model.dtype == torch.bfloat16
    assert loading.load_model(llama, dtype, "meta").device.type == "meta"  # which shows what would load, not how


def test_rounding_needs_its_package(llama, monkeypatch):
    monkeypatch.setattr(loading, "find_spec", lambda name: None)
    with pytest.raises(Fault, match="needs the package bitsandbytes"):
        loading.load_model(llama, "int4", "cpu")


def test_a_run_says_that_weights_were_rounded(llama, tmp_path, monkeypatch):
    honest = loading.load_model
    monkeypatch.setattr(loading, "load_model", lambda path, dtype, device: honest(path, "bfloat16", device))
    study = studies.build_few(tmp_path, llama, "helpful", dtype="int8")
    record = resolve(study, Store(tmp_path / "cache"))
    units = [unit for unit in all_units(record) if unit.reads_a_model]
    wanted = reading.checkpoints(record, units)[:1]
    with reading.Readings(record, Store(tmp_path / "cache"), "cpu") as readings:
        assert [note for note in readings.take(wanted[0]).notes if "weights of 8 bits" in note]
    plain = resolve(study.with_(dtype="bfloat16"), Store(tmp_path / "cache"))
    assert not {unit.file for unit in units} & {unit.file for unit in all_units(plain) if unit.name != "prompt_lengths"}
