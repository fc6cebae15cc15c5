from fractions import Fraction

import pytest

from phcore.checkpoints import names


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("checkpoint-8", {"checkpoint": 8}),
        ("checkpoint_0800", {"checkpoint": 800}),
        ("Checkpoint-4", {"checkpoint": 4}),
        ("ckpt-5", {"checkpoint": 5}),
        ("ckpt-1e4", {"checkpoint": 10_000}),
        ("step1000", {"step": 1000}),
        ("step1.5k", {"step": 1500}),
        ("step-10k", {"step": 10_000}),
        ("step-1,000", {"step": 1000}),
        ("1000steps", {"step": 1000}),
        ("steps_100", {"step": 100}),
        ("global_step10", {"step": 10}),
        ("global_step_10", {"step": 10}),
        ("iter_0000100", {"step": 100}),
        ("model_step_7", {"step": 7}),
        ("step100k-ema", {"step": 100_000}),
        ("step-001000-2BT", {"step": 1000, "tokens": 2 * 10**9}),
        ("stage1-step150-tokens1B", {"step": 150, "tokens": 10**9}),
        ("10B-tokens", {"tokens": 10**10}),
        ("tokens_2M", {"tokens": 2 * 10**6}),
        ("epoch-3", {"epoch": 3}),
        ("epoch_0", {"epoch": 0}),
        ("epoch=3-val_loss=0.21", {"epoch": 3}),
        ("step100_epoch1", {"step": 100, "epoch": 1}),
        ("checkpoint-0.5", {"checkpoint": Fraction(1, 2)}),
        ("checkpoint_pct010", {"percent": 10}),
        ("50%", {"percent": 50}),
        ("checkpoint-100-loss-0.53", {"checkpoint": 100}),
        ("helpful-seed1-step5", {"step": 5}),
        ("lr1e-5_epoch3", {"epoch": 3}),
        ("128000", {"": 128_000}),
        ("step_1_000", {"step": 1000}),
        ("1_500_000", {"": 1_500_000}),
        ("100-steps", {"step": 100}),
        ("10_000_steps", {"step": 10_000}),
        ("0.25-epochs", {"epoch": Fraction(1, 4)}),
        ("tokens-1.5T", {"tokens": 1500 * 10**9}),
        ("sft-7b-step100", {"step": 100}),
        ("step100of1000", {"step": 100}),
        ("save_100steps", {"step": 100}),
        ("model-100", {"number": 100}),
        ("Schritt-100", {"step": 100}),
        ("第100步", {"step": 100}),
        ("0", {"": 0}),
        ("1.5M", {"": 1_500_000}),
    ],
)
def test_how_far_training_was(name, numbers):
    assert names.step_of(name).numbers == numbers


@pytest.mark.parametrize(
    "name",
    ["helpful", "seed0", "final", "main", "footstep", "gpt2", "gpt2-xl", "llama-3-8b", "Qwen2.5-7B", "8bit", "lora-r16",
     "v1", "version_0", "run3", "model-7b", "stage1-tokens", "checkpoint-final", "2026-05-01", "20260501",
     "20260501-120000",     "2026-05-01_12-00-00", "run-2026-05-01", "1714567890", "merged", "best", ""],
)  # fmt: skip
def test_names_that_tell_no_step(name):
    assert names.step_of(name) is None


@pytest.mark.parametrize(
    ("name", "pattern", "rest"),
    [
        ("checkpoint-8", "checkpoint-*", ""),
        ("step-001000-2BT", "step-*-*", ""),
        ("stage2-ingredient1-step11931-tokens50B", "stage2-ingredient1-step*-tokens*", "stage2-ingredient1"),
        ("step100-helpful", "step*-helpful", "helpful"),
        ("dpo-iter-1", "dpo-iter-*", "dpo"),
        ("checkpoint-100-loss-0.53", "checkpoint-*-loss-*", ""),
        ("step100_epoch1", "step*_epoch*", ""),
        ("1000steps", "*", ""),
    ],
)
def test_what_differs_between_checkpoints_and_what_does_not(name, pattern, rest):
    told = names.step_of(name)
    assert (told.pattern, told.rest) == (pattern, rest)


@pytest.mark.parametrize(
    ("name", "seed", "rate", "words"),
    [
        ("helpful-seed1", 1, "", "helpful"),
        ("helpfulseed1", 1, "", "helpful"),
        ("seed=3", 3, "", ""),
        ("lr1e-5", None, "1e-5", ""),
        ("helpful_lr2e-05_seed7", 7, "2e-05", "helpful"),
        ("learning_rate=0.001", None, "0.001", ""),
        ("linseed", None, "", "linseed"),
        ("blr5", None, "", "blr5"),
    ],
)
def test_seeds_and_learning_rates(name, seed, rate, words):
    assert (names.seed(name), names.rate(name), names.words(name)) == (seed, rate, words)


def test_dates_and_ends():
    dates = ("2026-05-01", "20260501", "run-2026-05-01", "128000")
    assert [names.is_date(one) for one in dates] == [True] * 3 + [False]
    assert [names.is_final(one) for one in ("final", "sft-final", "main", "finale")] == [True] * 3 + [False]
