import numpy as np
import pytest
import torch

from phcore import activations
from phcore.activations import extraction, pooling, trees
from phcore.errors import Fault
from tests.models import ARCHITECTURES, CONTEXT, HIDDEN, LAYERS, PROMPTS, VOCABULARY

ALL = range(LAYERS + 1)
TOLERANCE = 1e-4  # relative, per row


@pytest.fixture(scope="module")
def opened(tiny):
    """(model, token ids) by architecture."""
    held = {}

    def of(architecture):
        if architecture not in held:
            folder = tiny(architecture)
            held[architecture] = activations.load_model(folder), activations.encode(folder, PROMPTS)
        return held[architecture]

    return of


def rows_off(one, other):
    """Largest relative difference of a row over all layers."""
    pairs = [(one.clouds[k], other.clouds[k]) for k in one.clouds]
    return max((np.linalg.norm(a - b, axis=1) / np.linalg.norm(b, axis=1)).max() for a, b in pairs)


def plainly(model, token_ids):
    """Hidden states (layers, prompts, d) and logits by the model's own forward pass, one prompt at a time."""
    with torch.inference_mode():
        outputs = [model(torch.tensor([ids]), output_hidden_states=True) for ids in token_ids]
    states = [torch.stack([x[0, -1] for x in one.hidden_states]) for one in outputs]
    return torch.stack(states, dim=1).numpy(), torch.stack([one.logits[0, -1] for one in outputs])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_layer_is_the_one_hugging_face_gives(opened, architecture):
    model, token_ids = opened(architecture)
    taken = activations.extract(model, token_ids, ALL)
    wanted, _ = plainly(model, token_ids)
    assert taken.notes == []
    for layer in ALL:
        cloud = taken.clouds[layer]
        assert cloud.dtype == np.float32
        assert cloud.shape == (len(PROMPTS), HIDDEN)
        off = np.linalg.norm(cloud - wanted[layer], axis=1) / np.linalg.norm(wanted[layer], axis=1)
        assert off.max() < TOLERANCE


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_batches_and_order_change_nothing(opened, architecture, monkeypatch):
    model, token_ids = opened(architecture)
    reference = activations.extract(model, token_ids, ALL)
    for batch_tokens in (1, 60, 100_000):  # one prompt at a time, a few, all at once
        assert rows_off(activations.extract(model, token_ids, ALL, batch_tokens=batch_tokens), reference) < TOLERANCE
    order = np.random.default_rng(0).permutation(len(token_ids))
    shuffled = activations.extract(model, [token_ids[i] for i in order], ALL)
    back = np.argsort(order)
    shuffled.clouds = {k: cloud[back] for k, cloud in shuffled.clouds.items()}
    assert rows_off(shuffled, reference) < TOLERANCE
    np.testing.assert_allclose(shuffled.next_roots[back], reference.next_roots, atol=1e-3)
    monkeypatch.setattr(extraction, "common_prefix", lambda _: 0)
    assert rows_off(activations.extract(model, token_ids, ALL), reference) < TOLERANCE


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_common_prefix_is_computed_once(opened, architecture, monkeypatch):
    model, token_ids = opened(architecture)
    shared = extraction.common_prefix(token_ids)
    activations.extract(model, token_ids, [LAYERS])  # the check of the architecture comes first
    seen = []
    embeddings = model.get_input_embeddings()
    hook = embeddings.register_forward_hook(lambda module, arguments, output: seen.append(arguments[0].numel()))
    activations.extract(model, token_ids, [LAYERS], batch_tokens=1)
    hook.remove()
    assert shared > extraction.SHORTEST_PREFIX
    assert sum(seen) == shared + sum(len(ids) - shared for ids in token_ids)


def test_common_prefix_leaves_a_token_of_each_prompt():
    assert extraction.common_prefix([[1, 2, 3, 4], [1, 2, 3, 9], [1, 2, 3]]) == 2
    assert extraction.common_prefix([[1, 2], [3, 4]]) == 0
    assert extraction.common_prefix([[5, 6, 7]] * 2) == 2


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_next_tokens(opened, architecture):
    model, token_ids = opened(architecture)
    taken = activations.extract(model, token_ids, [1])
    _, logits = plainly(model, token_ids)
    wanted = logits.double().log_softmax(dim=1).numpy()
    assert taken.next_roots.shape == wanted.shape == (len(PROMPTS), VOCABULARY)
    assert taken.next_roots.dtype == np.float16
    np.testing.assert_allclose(taken.next_roots.astype(np.float64) ** 2, np.exp(wanted), rtol=3e-3, atol=1e-8)


# --- when sharing does not work -----------------------------------------------------------------


def test_a_cache_that_cannot_be_shared(opened, monkeypatch):
    model, token_ids = opened("llama")
    reference = activations.extract(model, token_ids, ALL)

    def fails(self, tokens):
        raise RuntimeError("no such cache")

    monkeypatch.setattr(extraction, "_verdicts", {})
    monkeypatch.setattr(extraction.Reader, "prefix", fails)
    taken = activations.extract(model, token_ids, ALL)
    assert "no such cache" in taken.notes[0]
    assert rows_off(taken, reference) < TOLERANCE


def test_a_cache_that_gives_other_rows(opened, monkeypatch):
    model, token_ids = opened("gpt_neox")
    reference = activations.extract(model, token_ids, ALL)
    honest = extraction.Reader.prefix

    def wrong(self, tokens):
        found = honest(self, tokens)
        found.cache.layers[1].values *= 1.05
        return found

    monkeypatch.setattr(extraction, "_verdicts", {})
    monkeypatch.setattr(extraction.Reader, "prefix", wrong)
    taken = activations.extract(model, token_ids, ALL)
    assert "slower" in taken.notes[0]
    assert rows_off(taken, reference) < TOLERANCE


# --- memory -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA"), RuntimeError("CUDA error: out of memory"), MemoryError()]
)
def test_batches_are_halved_when_memory_ends(opened, monkeypatch, error):
    model, token_ids = opened("llama")
    reference = activations.extract(model, token_ids, ALL)
    honest, sizes = extraction.Reader.read, []

    def read(self, rows, prefix, spans=None):
        sizes.append(len(rows))
        if len(rows) > 2:
            raise error
        return honest(self, rows, prefix)

    monkeypatch.setattr(extraction.Reader, "read", read)
    taken = activations.extract(model, token_ids, ALL, batch_tokens=100_000)
    assert sizes[0] == len(PROMPTS)
    assert "Memory ran out" in taken.notes[-1]
    assert rows_off(taken, reference) < TOLERANCE


def test_no_memory_for_one_prompt(opened, monkeypatch):
    model, token_ids = opened("llama")
    activations.extract(model, token_ids, ALL)

    def read(self, rows, prefix, spans=None):
        raise torch.OutOfMemoryError("CUDA")

    monkeypatch.setattr(extraction.Reader, "read", read)
    with pytest.raises(Fault, match="not enough memory for prompt"):
        activations.extract(model, token_ids, ALL)


def test_other_errors_are_not_mistaken_for_lack_of_memory(opened, monkeypatch):
    model, token_ids = opened("llama")
    activations.extract(model, token_ids, ALL)

    def read(self, rows, prefix, spans=None):
        raise RuntimeError("shapes cannot be multiplied")

    monkeypatch.setattr(extraction.Reader, "read", read)
    with pytest.raises(RuntimeError, match="multiplied"):
        activations.extract(model, token_ids, ALL)


# --- what is let through, and what is not -------------------------------------------------------


def test_weights_that_are_no_numbers_give_rows_that_are_none(tiny):
    folder = tiny("llama")
    model, token_ids = activations.load_model(folder), activations.encode(folder, PROMPTS)
    model.model.layers[2].mlp.down_proj.weight.data[0, 0] = float("nan")
    taken = activations.extract(model, token_ids, [1, LAYERS])
    assert np.isfinite(taken.clouds[1]).all()
    assert np.isnan(taken.clouds[LAYERS]).any()


def test_progress_and_cancel(opened):
    model, token_ids = opened("llama")
    shares = []
    activations.extract(model, token_ids, [1], batch_tokens=1, progress=shares.append)
    assert shares == sorted(shares)
    assert len(shares) == len(PROMPTS)
    assert shares[-1] == pytest.approx(1)
    with pytest.raises(activations.Stopped):
        activations.extract(model, token_ids, [1], batch_tokens=1, cancelled=lambda: True)


@pytest.mark.parametrize(
    ("token_ids", "layers", "words"),
    [
        ([[1, 2]], [LAYERS + 1], f"from 0 to {LAYERS}"),
        ([[1, 2]], [], f"from 0 to {LAYERS}"),
        ([], [1], "no prompt"),
        ([[1], []], [1], "empty one"),
        ([[VOCABULARY]], [1], "tokenizer knows a token 600"),
    ],
)
def test_requests_that_cannot_be_met(opened, token_ids, layers, words):
    with pytest.raises(Fault, match=words):
        activations.extract(opened("llama")[0], token_ids, layers)


def test_sixteen_bits_come_out_as_float32(tiny, opened):
    folder = tiny("llama")
    token_ids = activations.encode(folder, PROMPTS)
    half = activations.extract(activations.load_model(folder, "bfloat16"), token_ids, [LAYERS])
    full = activations.extract(opened("llama")[0], token_ids, [LAYERS])
    assert half.clouds[LAYERS].dtype == np.float32
    assert 1e-4 < rows_off(half, full) < 0.2


# --- other clouds than the last token ------------------------------------------------------------


def means(model, token_ids, spans):
    """(layers, prompts, d): the mean over each span by the model's own forward pass, one prompt at a time."""
    with torch.inference_mode():
        outputs = [model(torch.tensor([ids]), output_hidden_states=True).hidden_states for ids in token_ids]
    rows = [torch.stack([x[0, a:b].mean(dim=0) for x in one]) for one, (a, b) in zip(outputs, spans, strict=True)]
    return torch.stack(rows, dim=1).numpy()


def pooled(model, token_ids, rows, how):
    """The rows in both ways of reading: by themselves, and with the openings of an answer behind them."""
    if how == "alone":
        return activations.extract(model, rows.token_ids, ALL, spans=rows.spans)
    openings = [[5, 6], [5, 7], [9]]
    return activations.read(model, rows.token_ids, ALL, openings, spans=rows.spans)[0]


@pytest.mark.parametrize("how", ["alone", "with openings"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_means_are_those_of_the_tokens_alone(opened, tiny, architecture, how):
    model, token_ids = opened(architecture)
    own = activations.of_own_text(tiny(architecture), PROMPTS, token_ids, True)
    taken = pooled(model, token_ids, own, how)
    for layer, wanted in zip(ALL, means(model, token_ids, own.spans), strict=True):
        off = np.linalg.norm(taken.clouds[layer] - wanted, axis=1) / np.linalg.norm(wanted, axis=1)
        assert off.max() < TOLERANCE
    last = activations.extract(model, token_ids, [1])
    np.testing.assert_allclose(taken.next_roots, last.next_roots, atol=1e-3)
    assert rows_off(last, taken) > 0.1


@pytest.mark.parametrize("pooling", ["mean", "answer", "inside the prefix"])
def test_batches_and_order_change_no_mean(opened, tiny, pooling, monkeypatch):
    model, token_ids = opened("llama")
    spans = {
        "mean": activations.of_own_text(tiny("llama"), PROMPTS, token_ids, True),
        "answer": activations.of_answers(tiny("llama"), token_ids, [[7, 8, 9, 10][: 1 + k % 4] for k in range(8)], 3),
        "inside the prefix": activations.Pooling(token_ids, [(2, len(ids) - 1) for ids in token_ids]),
    }[pooling]
    assert extraction.common_prefix(spans.token_ids) > extraction.SHORTEST_PREFIX
    reference = activations.extract(model, spans.token_ids, ALL, spans=spans.spans)
    for layer, wanted in zip(ALL, means(model, spans.token_ids, spans.spans), strict=True):
        assert np.abs(reference.clouds[layer] - wanted).max() / np.abs(wanted).max() < TOLERANCE
    for batch_tokens in (1, 60, 100_000):
        again = activations.extract(model, spans.token_ids, ALL, spans=spans.spans, batch_tokens=batch_tokens)
        assert rows_off(again, reference) < TOLERANCE
    turned = spans.reversed()
    back = activations.extract(model, turned.token_ids, ALL, spans=turned.spans)
    back.clouds = {layer: cloud[::-1] for layer, cloud in back.clouds.items()}
    assert rows_off(back, reference) < TOLERANCE
    monkeypatch.setattr(extraction, "common_prefix", lambda _: 0)
    assert rows_off(activations.extract(model, spans.token_ids, ALL, spans=spans.spans), reference) < TOLERANCE


@pytest.mark.parametrize("how", ["alone", "with openings", "one opening after the other"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_tokens_of_chosen_prompts_come_from_the_same_reading(opened, tiny, architecture, how, monkeypatch):
    model, token_ids = opened(architecture)
    spans = activations.every_token(tiny(architecture), PROMPTS, True, (1, 6)) | {
        3: (2, 30)
    }  # one begins in the prefix
    if how == "one opening after the other":
        monkeypatch.setattr(trees, "_trees_work", lambda *_: "no trees today")
    seen = []
    hook = model.register_forward_hook(lambda *_: seen.append(1))

    def read(**tokens):
        seen.clear()
        if how == "alone":
            return activations.extract(model, token_ids, ALL, **tokens)
        return activations.read(model, token_ids, ALL, [[5, 6], [5, 7], [9]], **tokens)[0]

    read()  # the check of the architecture comes first
    plain, passes = read(), len(seen)
    taken = read(tokens=spans)
    hook.remove()
    assert len(seen) == passes
    assert plain.tokens == {}
    assert rows_off(taken, plain) == 0  # to the bit, whatever is kept beside
    with torch.inference_mode():
        wanted = {i: model(torch.tensor([token_ids[i]]), output_hidden_states=True).hidden_states for i in spans}
    for layer in ALL:
        assert set(taken.tokens[layer]) == set(spans)
        for i, (first, behind) in spans.items():
            found, own = taken.tokens[layer][i], wanted[i][layer][0, first:behind].numpy()
            assert found.shape == (behind - first, HIDDEN)
            assert (np.linalg.norm(found - own, axis=1) / np.linalg.norm(own, axis=1)).max() < TOLERANCE


@pytest.mark.parametrize("chat", [True, False])
def test_every_token_of_a_prompt_but_the_first_of_the_text(tiny, chat, monkeypatch):
    own = dict(enumerate(activations.own_tokens(tiny("llama"), PROMPTS, chat)))
    assert activations.every_token(tiny("llama"), PROMPTS, chat, (0, 5)) == {0: own[0], 5: own[5]}
    assert activations.every_token(tiny("llama"), PROMPTS, chat, ()) == {}
    monkeypatch.setattr(pooling, "own_tokens", lambda *_: [(0, 4), (0, 1)])  # no token stands before the text
    assert activations.every_token("model", ["some words", "one"], False, (0, 1)) == {0: (1, 4), 1: (1, 1)}


def test_an_answer_is_read_behind_its_prompt(tiny):
    answers = [[7, 8, 9], [7]]
    pooling = activations.of_answers(tiny("llama"), [[1, 2], [3]], answers, 2)
    assert pooling.token_ids == [[1, 2, 7, 8], [3, 7]]
    assert pooling.spans == [(2, 4), (1, 2)]


@pytest.mark.parametrize(
    ("prompt", "answer", "words"),
    [([1] * CONTEXT, [7], "prompt 2 leaves no room"), ([1], [], "prompt 2 has no reference answer")],
)
def test_a_prompt_without_an_answer_is_named(tiny, prompt, answer, words):
    with pytest.raises(Fault, match=words):
        activations.of_answers(tiny("llama"), [[1], prompt], [[7], answer], 8)


# --- architectures that differ ----------------------------------------------------------------------


def built(model_type, **changes):
    from transformers import AutoConfig, AutoModelForCausalLM

    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
             "vocab_size": 600, "pad_token_id": 1}  # fmt: skip
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **(sizes | changes)))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model.eval()


PLAIN = [[5, 6, 7], [8, 9, 10, 11], [12] * 9, [13, 14, 15]]


def of_each_alone(model):
    """By layer (n, d), where streams stand one after the other."""
    with torch.inference_mode():
        given = [model(torch.tensor([ids]), output_hidden_states=True, use_cache=False).hidden_states for ids in PLAIN]
    last = [[one[:, 0, -1] if one.ndim == 4 else one[0, -1] for one in states] for states in given]
    return [np.stack([row.flatten().numpy() for row in layer]) for layer in zip(*last, strict=True)]


@pytest.mark.parametrize(
    ("model_type", "changes"),
    [
        ("roberta", {"is_decoder": True}),
        ("gemma3n_text", {"num_key_value_heads": 2, "head_dim": 8, "num_kv_shared_layers": 0, "laurel_rank": 4,
                          "hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": 600,
                          "activation_sparsity_pattern": [0.0, 0.0], "layer_types": ["full_attention"] * 2}),
    ],
    ids=["positions of its own", "streams side by side"],
)  # fmt: skip
def test_rows_are_those_of_plain_reading(model_type, changes):
    model = built(model_type, **changes)
    taken = activations.extract(model, PLAIN, [0, 1, 2])
    for layer, wanted in enumerate(of_each_alone(model)):
        np.testing.assert_allclose(taken.clouds[layer], wanted, rtol=1e-3, atol=1e-4)


def test_a_model_that_padding_changes_is_read_by_length(opened, monkeypatch):
    model, token_ids = opened("llama")
    reference = activations.extract(model, token_ids, ALL, batch_tokens=1)
    honest, widths = extraction.Reader.run, []

    def spoiled(self, new, *arguments, **options):
        states, logits, tokens = honest(self, new, *arguments, **options)
        if self.pads and len(set(map(len, new))) > 1:
            states = {layer: one * 1.05 for layer, one in states.items()}
        else:
            widths.append(set(map(len, new)))
        return states, logits, tokens

    monkeypatch.setattr(extraction, "_verdicts", {})
    monkeypatch.setattr(extraction.Reader, "run", spoiled)
    taken = activations.extract(model, token_ids, ALL)
    assert rows_off(taken, reference) < TOLERANCE
    assert "Only prompts of one length were read together" in taken.notes[0]


def test_a_model_that_tells_the_states_of_all_layers_or_none(opened, monkeypatch):
    """As Reformer: asked for some, it gives none."""
    model, token_ids = opened("llama")
    wanted = activations.extract(model, token_ids, [1, 3]).clouds
    honest = type(model).forward

    def all_or_none(self, *arguments, **options):
        output = honest(self, *arguments, **options)
        if isinstance(options.get("output_hidden_states"), list):
            output.hidden_states = ()
        return output

    monkeypatch.setattr(type(model), "forward", all_or_none)
    found = activations.extract(model, token_ids, [1, 3]).clouds
    assert all(np.array_equal(found[layer], wanted[layer]) for layer in wanted)


def test_blocks_are_counted_where_a_configuration_counts_something_else(opened, monkeypatch):
    """As LongCat's, whose blocks hold two attentions each."""
    model, token_ids = opened("llama")
    wanted = activations.extract(model, token_ids, ALL).clouds
    monkeypatch.setattr(model.config, "num_hidden_layers", 2 * model.config.num_hidden_layers)
    found = activations.extract(model, token_ids, ALL).clouds
    assert all(np.array_equal(found[layer], wanted[layer]) for layer in wanted)


def test_states_that_a_model_does_not_tell_are_a_sentence(opened, monkeypatch):
    model, token_ids = opened("llama")
    honest = type(model).forward

    def silent(self, *arguments, **options):
        output = honest(self, *arguments, **options)
        output.hidden_states = output.hidden_states and output.hidden_states[:2]
        return output

    monkeypatch.setattr(type(model), "forward", silent)
    with pytest.raises(Fault, match="no hidden states of layer 3 for this kind of model"):
        activations.extract(model, token_ids[:1], [3])


def test_hidden_states_that_are_not_finite_are_told(tiny):
    model = activations.load_model(tiny("llama"))
    token_ids = activations.encode(tiny("llama"), PROMPTS)
    with torch.no_grad():
        model.model.layers[0].mlp.down_proj.weight[0, 0] = torch.nan
    taken = activations.extract(model, token_ids, ALL)
    assert "Hidden states of all prompts are not finite" in activations.not_finite(taken.clouds)[0]
    assert activations.not_finite({0: np.ones((2, 3))}) == []
    assert "1 of 2 prompts" in activations.not_finite({0: np.array([[1.0], [np.inf]])})[0]
