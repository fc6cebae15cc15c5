import numpy as np
import pytest
import torch

from phcore import activations
from phcore.activations import extraction, scoring, trees
from phcore.errors import Fault
from tests.models import ARCHITECTURES, CONTEXT, LAYERS, PROMPTS, VOCABULARY, build_tokenizer

TOLERANCE = 1e-4  # of a log-probability, relative where it is beyond 1
OPENINGS = [[57, 90, 12], [57, 90, 13, 14], [57, 8], [33], [41, 57], [57, 90, 13, 20]]


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


@pytest.fixture(autouse=True)
def no_verdicts(monkeypatch):
    monkeypatch.setattr(trees, "_verdicts", {})


def plainly(model, prompt, continuation):
    """ln P(continuation | prompt) by the model's own forward pass over the whole text, in float64."""
    with torch.inference_mode():
        logs = model(torch.tensor([[*prompt, *continuation[:-1]]])).logits[0].double().log_softmax(dim=-1)
    places = range(len(prompt) - 1, len(prompt) + len(continuation) - 1)
    return sum(logs[place, token].item() for place, token in zip(places, continuation, strict=True))


def assert_same(found, wanted):
    for one, other in zip(found, wanted, strict=True):
        assert len(one) == len(other)
        assert (np.abs(np.subtract(one, other)) <= TOLERANCE * np.maximum(1, np.abs(other))).all()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_log_probabilities_are_those_of_plain_reading(opened, architecture):
    model, token_ids = opened(architecture)
    rng = np.random.default_rng(0)
    # Openings, an answer of its own for every other prompt, and one prompt that nothing is asked of.
    asked = [[*OPENINGS, *([rng.integers(3, VOCABULARY, 9 + i).tolist()] if i % 2 else [])] for i in range(8)]
    asked[3] = []
    notes = []
    found = activations.score(model, token_ids, asked, notes=notes)
    assert notes == []  # read as trees, with a shared prefix
    assert_same(found, [[plainly(model, p, c) for c in several] for p, several in zip(token_ids, asked, strict=True)])


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "opt"])
@pytest.mark.parametrize("way", ["alone", "small batches", "no prefix", "no trees", "chains"])
def test_the_way_of_reading_changes_nothing(opened, architecture, way, monkeypatch):
    model, token_ids = opened(architecture)
    openings = [[7, 8, 9, 10, 11]] if way == "chains" else OPENINGS
    wanted = [[plainly(model, ids, one) for one in openings] for ids in token_ids]
    batch_tokens = {"alone": 1, "small batches": 60}.get(way, 100_000)
    if way == "no prefix":
        monkeypatch.setattr(extraction, "common_prefix", lambda _: 0)
    if way == "no trees":
        monkeypatch.setattr(trees, "_attention", lambda *_: 1 / 0)
    notes = []
    asked = [openings] * len(token_ids)
    assert_same(activations.score(model, token_ids, asked, batch_tokens=batch_tokens, notes=notes), wanted)
    assert len(notes) == (way == "no trees")


def test_a_tree_reads_each_prompt_once(opened):
    model, token_ids = opened("llama")
    asked = [OPENINGS] * len(token_ids)
    activations.score(model, token_ids, asked)  # the checks of the architecture come first
    seen = []
    hook = model.get_input_embeddings().register_forward_hook(
        lambda _module, given, _out: seen.append(given[0].numel())
    )
    activations.score(model, token_ids, asked, batch_tokens=1)
    hook.remove()
    shared = extraction.common_prefix(token_ids)
    # 57, 57 90, 57 90 13, 41: the last token of an opening is judged without being read
    assert sum(seen) == shared + sum(len(ids) - shared + 4 for ids in token_ids)


def test_attention_that_does_not_keep_branches_apart_is_noticed(opened, monkeypatch):
    model, token_ids = opened("llama")
    honest = trees._attention
    monkeypatch.setattr(trees, "_attention", lambda *given: torch.ones_like(honest(*given)).tril())
    notes = []
    found = activations.score(model, token_ids, [OPENINGS] * len(token_ids), notes=notes)
    assert "slower" in notes[0]
    assert_same(found, [[plainly(model, ids, one) for one in OPENINGS] for ids in token_ids])


def test_a_prompt_of_one_token(opened):
    model, _ = opened("gpt2")
    found = activations.score(model, [[5], [6, 7, 8]], [OPENINGS, OPENINGS])
    assert_same(found, [[plainly(model, ids, one) for one in OPENINGS] for ids in ([5], [6, 7, 8])])


def test_all_first_tokens_together_are_certain(opened):
    model, token_ids = opened("gpt_neox")
    every = [[token] for token in range(VOCABULARY)]
    found = activations.score(model, token_ids, [every] * len(token_ids))
    np.testing.assert_allclose([np.logaddexp.reduce(one) for one in found], 0, atol=1e-5)


def test_what_follows_all_of_a_beginning_adds_up_to_it(opened):
    model, token_ids = opened("llama")
    asked = [[[9, 30], *([9, 30, token] for token in range(VOCABULARY))]] * 2
    for one in activations.score(model, token_ids[:2], asked):
        assert np.logaddexp.reduce(one[1:]) == pytest.approx(one[0], abs=1e-4)


def test_weights_that_are_no_numbers_give_scores_that_are_none(tiny):
    folder = tiny("llama")
    model, token_ids = activations.load_model(folder), activations.encode(folder, PROMPTS)
    model.lm_head.weight.data[0, 0] = float("nan")
    found = activations.answers(model, token_ids, OPENINGS)
    assert np.isnan(found.refusal).all()
    assert trees._verdicts == {}  # nothing was learnt about the architecture


def test_progress_cancel_and_memory(opened, monkeypatch):
    model, token_ids = opened("llama")
    asked = [OPENINGS] * len(token_ids)
    reference, shares = activations.score(model, token_ids, asked), []
    activations.score(model, token_ids, asked, batch_tokens=1, progress=shares.append)
    assert len(shares) == len(PROMPTS)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    with pytest.raises(activations.Stopped):
        activations.score(model, token_ids, asked, cancelled=lambda: True)

    honest = trees._read

    def read(reader, ids, rows, *rest):
        if len(rows) > 3:
            raise torch.OutOfMemoryError("CUDA")
        return honest(reader, ids, rows, *rest)

    monkeypatch.setattr(trees, "_read", read)
    notes = []
    assert_same(activations.score(model, token_ids, asked, notes=notes), reference)
    assert "Memory ran out" in notes[0]


@pytest.mark.parametrize(
    ("token_ids", "asked", "words"),
    [
        ([], [], "no prompt"),
        ([[1], []], [[[1]], [[1]]], "empty one"),
        ([[1]], [[[1], []]], "no tokens"),
        ([[1]], [[[VOCABULARY]]], "knows a token 600"),
    ],
)
def test_requests_that_cannot_be_met(opened, token_ids, asked, words):
    with pytest.raises(Fault, match=words):
        activations.score(opened("llama")[0], token_ids, asked)


def test_lists_that_do_not_match(opened):
    with pytest.raises(ValueError, match="1 prompts and 2 lists"):
        activations.score(opened("llama")[0], [[1]], [[[1]], [[2]]])


# --- answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ["gpt2", "qwen2", "opt"])
def test_refusal_and_reference_likelihood(opened, architecture):
    model, token_ids = opened(architecture)
    openings = scoring.without_extensions(OPENINGS)
    references = [[] if i == 2 else [20 + i, 30, 40 + i] for i in range(len(token_ids))]
    found = activations.answers(model, token_ids, openings, references)
    likely = [[plainly(model, ids, one) for one in openings] for ids in token_ids]
    np.testing.assert_allclose(found.refusal, [np.log(np.exp(one).sum()) for one in likely], rtol=1e-4)
    wanted = [-plainly(model, i, r) / 3 if r else np.nan for i, r in zip(token_ids, references, strict=True)]
    np.testing.assert_allclose(found.nll, wanted, rtol=1e-4)
    assert found.tokens.tolist() == [3, 3, 0, 3, 3, 3, 3, 3]
    frame = found.frame()
    assert list(frame) == ["prompt", "refusal", "nll", "tokens"]
    assert frame["prompt"].tolist() == list(range(len(PROMPTS)))


def test_answers_without_references_or_openings(opened):
    model, token_ids = opened("llama")
    assert np.isnan(activations.answers(model, token_ids, OPENINGS).nll).all()
    only = activations.answers(model, token_ids, [], [[5, 6]] * len(token_ids))
    assert np.isnan(only.refusal).all()
    assert np.isfinite(only.nll).all()


@pytest.mark.parametrize("architecture", ["gpt2", "opt", "llama"])
def test_answers_end_where_the_context_does(opened, architecture):
    model, _ = opened(architecture)
    rng = np.random.default_rng(1)
    whole = rng.integers(3, VOCABULARY, CONTEXT).tolist()
    nearly = rng.integers(3, VOCABULARY, CONTEXT - 4).tolist()
    answer = rng.integers(3, VOCABULARY, 300).tolist()
    short = [9, 10]
    found = activations.answers(model, [whole, nearly, short], OPENINGS, [answer] * 3)
    assert found.tokens.tolist() == [1, 5, CONTEXT - 1]
    assert "fill the model's context" in found.notes[0]
    assert np.isnan(found.refusal).tolist() == [True, False, False]
    wanted = [
        -plainly(model, prompt, answer[:length]) / length
        for prompt, length in ((whole, 1), (nearly, 5), (short, CONTEXT - 1))
    ]
    np.testing.assert_allclose(found.nll, wanted, rtol=1e-4)


# --- clouds and answers in one reading ------------------------------------------------------------


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("way", ["trees", "small batches", "no trees"])
def test_one_reading_gives_what_two_give(opened, architecture, way, monkeypatch):
    model, token_ids = opened(architecture)
    references = [[] if i == 2 else [20 + i, 30, 40 + i] for i in range(len(token_ids))]
    openings = scoring.without_extensions(OPENINGS)
    layers = [0, 2, LAYERS]
    cloud, answer = (
        activations.extract(model, token_ids, layers),
        activations.answers(model, token_ids, openings, references),
    )
    if way == "no trees":
        monkeypatch.setattr(trees, "_verdicts", {})
        monkeypatch.setattr(trees, "_attention", lambda *_: 1 / 0)
    shares = []
    taken, said = activations.read(
        model,
        token_ids,
        layers,
        openings,
        references,
        batch_tokens=60 if way == "small batches" else 1024,
        progress=shares.append,
    )
    assert list(taken.clouds) == layers
    for layer in layers:
        off = np.linalg.norm(taken.clouds[layer] - cloud.clouds[layer], axis=1)
        assert (off <= TOLERANCE * np.linalg.norm(cloud.clouds[layer], axis=1)).all()
    np.testing.assert_allclose(taken.next_roots, cloud.next_roots, atol=1e-3)
    np.testing.assert_allclose(said.refusal, answer.refusal, rtol=TOLERANCE)
    np.testing.assert_allclose(said.nll, answer.nll, rtol=TOLERANCE)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert len(said.notes) == (way == "no trees")
    assert taken.notes == []


def test_one_reading_reads_each_prompt_once(opened):
    model, token_ids = opened("llama")
    activations.read(model, token_ids, [1], OPENINGS)
    seen = []
    hook = model.get_input_embeddings().register_forward_hook(
        lambda _module, given, _out: seen.append(given[0].numel())
    )
    activations.read(model, token_ids, [1], OPENINGS, batch_tokens=1)
    hook.remove()
    shared = extraction.common_prefix(token_ids)
    assert sum(seen) == shared + sum(len(ids) - shared + 4 for ids in token_ids)


def test_one_reading_with_nothing_to_answer(opened):
    model, token_ids = opened("gpt2")
    cloud = activations.extract(model, token_ids, [LAYERS])
    taken, said = activations.read(model, token_ids, [LAYERS], [])
    np.testing.assert_allclose(taken.clouds[LAYERS], cloud.clouds[LAYERS], rtol=1e-3, atol=1e-4)
    assert np.isnan(said.refusal).all()
    with pytest.raises(Fault, match=f"from 0 to {LAYERS}"):
        activations.read(model, token_ids, [LAYERS + 1], OPENINGS)
    with pytest.raises(Fault, match="no prompt"):
        activations.read(model, [], [1], OPENINGS)
    with pytest.raises(activations.Stopped):
        activations.read(model, token_ids, [1], OPENINGS, cancelled=lambda: True)


# --- openings and references as tokens ------------------------------------------------------------


def test_openings_exclude_one_another():
    assert scoring.without_extensions([[1, 2, 3], [1, 2], [4], [1, 2], [4, 5], [], [2, 1]]) == [[1, 2], [4], [2, 1]]
    assert not any(a != b and b.startswith(a) for a in scoring.REFUSAL_OPENINGS for b in scoring.REFUSAL_OPENINGS)


def test_openings_read_as_an_answer(llama):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(llama)
    chat = activations.refusal_tokens(llama)
    assert [tokenizer.decode(ids) for ids in chat] == list(scoring.REFUSAL_OPENINGS)
    raw = activations.refusal_tokens(llama, chat=False)
    assert [tokenizer.decode(ids) for ids in raw] == [f" {one}" for one in scoring.REFUSAL_OPENINGS]


def test_raw_text_where_there_is_no_template(tmp_path):
    build_tokenizer(tmp_path, template=None)
    assert activations.refusal_tokens(tmp_path) == activations.refusal_tokens(tmp_path, chat=False)


def test_references_are_cut(llama):
    found = activations.reference_tokens(llama, [None, "Yes.", "", "a, b; " * 200])
    assert [len(one) for one in found][::2] == [0, 0]
    assert 0 < len(found[1]) < 5
    assert len(found[3]) == scoring.REFERENCE_TOKENS
    assert activations.reference_tokens(llama, [None, None]) == [[], []]


def test_no_tokenizer(tmp_path):
    with pytest.raises(Fault, match="tokenizer cannot be loaded"):
        activations.refusal_tokens(tmp_path)


def test_what_follows_a_prompt_is_kept_out_of_its_states(tmp_path):
    """Models that look both ways are called causal, too: their prompts are read alone."""
    from transformers import AutoConfig, AutoModelForCausalLM

    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model("bert", vocab_size=600, **sizes)).eval()
    token_ids = [[5, 6, 7], [8, 9, 10, 11], [12] * 9]
    alone = activations.extract(model, token_ids, [0, 1, 2])
    taken, _ = activations.read(model, token_ids, [0, 1, 2], [[5, 6], [7]])
    for layer in (0, 1, 2):
        np.testing.assert_allclose(taken.clouds[layer], alone.clouds[layer], rtol=1e-4, atol=1e-5)
