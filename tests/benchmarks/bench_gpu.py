"""A GPU in one go: ``make bench-gpu`` (a few minutes). Products, every encoder, a step of training, permutations.

``python -m tests.benchmarks.bench_gpu cpu --small`` runs the same lines on a processor in a minute, to see that they
run; results/gpu.md is written by a GPU alone.
"""

import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from encoders import load_encoder
from encoders.dna.models.caduceus import Caduceus
from encoders.dna.token_models.token_encoder import TokenEncoder
from fusion import permutation_test_cca
from tests.benchmarks.encoder_costs import (
    bert_flops,
    caduceus_flops,
    forward_pass,
    learner_and_batch,
    mosaic_flops,
    shortest,
    train_step,
)

NOTE = Path(__file__).parent / "results" / "gpu.md"
PARITY = {"float32": 1e-4, "bfloat16": 0.1}

Line = tuple[str, str, str]


@dataclass(frozen=True)
class Sizes:
    """What is measured: of a GPU, or to see that the program runs.

    Attributes
    ----------
    side : int
        Of the square product whose rate is taken for the device's peak.
    n_sequences, n_tokens : int
        A batch of the encoders.
    n_train : int
        Sequences of a step of training.
    n_rows, n_columns, n_permutations : int
        Of the permutation test.
    n_runs : int
        Runs of which the shortest counts.
    """

    side: int = 8192
    n_sequences: int = 128
    n_tokens: int = 512
    n_train: int = 32
    n_rows: int = 7116
    n_columns: int = 512
    n_permutations: int = 999
    n_runs: int = 5


SMALL = Sizes(256, 2, 64, 2, 200, 8, 49, 1)


def main(device: str, sizes: Sizes) -> None:
    """Print each line as it is measured; a GPU's lines are then written as the note."""
    if device != "cpu" and not torch.cuda.is_available():
        sys.exit(
            "bench-gpu needs a GPU that torch reaches, and torch reaches none here; "
            "`python -m tests.benchmarks.bench_gpu cpu --small` tries the program on a processor."
        )
    lines: list[Line] = []
    for section in (encoders, training, permutations):
        for line in section(device, sizes):
            print(" | ".join(line), flush=True)
            lines.append(line)
    if device != "cpu":
        rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        NOTE.write_text(f"{_context(device)}\n\n| what | measured | required |\n|---|---|---|\n{rows}\n", "utf-8")


def encoders(device: str, sizes: Sizes) -> Iterator[Line]:
    """Tokens a second, their share of what the best product reaches (MFU), and the distance from the CPU's vectors."""
    peaks = {dtype: _product_rate(device, dtype, sizes) for dtype in (torch.float32, torch.bfloat16)}
    for dtype, rate in peaks.items():
        yield f"product of {sizes.side} x {sizes.side} matrices, {_name(dtype)}", f"{1e-12 * rate:.2f} TFLOP/s", ""
    text = "".join(np.random.default_rng(0).choice(list("ACGT"), 4 * sizes.n_tokens))
    for name, flops in {"dnabert-6": bert_flops, "dnabert2": mosaic_flops, "caduceus-ph": caduceus_flops}.items():
        expected = _load(name, "cpu", "float32").embed([text])
        for dtype, peak in peaks.items():
            encoder = _load(name, device, _name(dtype))
            ids = torch.randint(7, 11, (sizes.n_sequences, sizes.n_tokens), device=device)
            inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
            seconds = shortest({0: forward_pass(encoder.model, inputs)}, n_runs=sizes.n_runs)[0].wall
            share = sizes.n_sequences * flops(sizes.n_tokens) / seconds / peak
            shown = f"{ids.numel() / seconds:,.0f} tokens/s, MFU {share:.0%}"
            yield f"{name} {_name(dtype)}, {sizes.n_sequences} x {sizes.n_tokens} tokens", shown, ""
            error = float(np.abs(encoder.embed([text]) - expected).max())
            limit = PARITY[_name(dtype)]
            verdict = "met" if error <= limit else "MISSED"
            yield f"{name} {_name(dtype)}, largest difference from the CPU", f"{error:.1e}", f"<= {limit:g}: {verdict}"


def training(device: str, sizes: Sizes) -> Iterator[Line]:
    """A step (forward, backward, AdamW) against the forward pass."""
    for name in ("dnabert-6", "caduceus-ps"):
        changed = {"num_hidden_layers": 2} if name == "dnabert-6" else {"n_layer": 2}
        shape = (sizes.n_train, sizes.n_tokens)
        model, inputs = learner_and_batch(name, changed, shape, device)
        ways = {"forward": forward_pass(model, inputs), "step": train_step(model, inputs)}
        seconds = shortest(ways, n_runs=sizes.n_runs)
        what = f"{name}, 2 layers, {shape[0]} x {shape[1]} tokens: a step of training against the forward pass"
        yield what, seconds["step"].per(seconds["forward"]), ""


def permutations(device: str, sizes: Sizes) -> Iterator[Line]:
    """Permutations a second of the in-sample test, and whether its p-values are numpy's."""
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((sizes.n_rows, sizes.n_columns)) for _ in range(2))
    y[:, 0] += 0.2 * x[:, 0]
    ways: dict[str, dict[str, object]] = {"numpy": {}, device: {"array_namespace": torch, "device": device}}
    tests, seconds = {}, {}
    for way, where in ways.items():
        start = time.perf_counter()
        tests[way] = permutation_test_cca(
            x, y, n_permutations=sizes.n_permutations, n_steps=3, precision="screen", random_state=0, **where  # type: ignore[arg-type]
        )  # fmt: skip
        seconds[way] = time.perf_counter() - start
        what = f"permutation test, {sizes.n_rows} x {sizes.n_columns} x {sizes.n_columns}, 3 steps, {way}"
        yield what, f"{sizes.n_permutations / seconds[way]:,.0f} permutations/s", ""
    same = np.array_equal(tests["numpy"].p_fwer, tests[device].p_fwer, equal_nan=True)  # untested steps have none
    yield "permutation test, p-values", "the same" if same else "NOT the same", "the same"


def _product_rate(device: str, dtype: torch.dtype, sizes: Sizes) -> float:
    square = torch.randn(sizes.side, sizes.side, device=device).to(dtype)
    return 2 * sizes.side**3 / shortest({0: lambda: square @ square}, n_runs=sizes.n_runs)[0].wall


def _load(name: str, device: str, dtype: str) -> TokenEncoder:
    encoder = load_encoder(f"untrained:{name}", device=device, dtype=dtype)
    assert isinstance(encoder, TokenEncoder | Caduceus)
    return encoder


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _context(device: str) -> str:
    versions = f"Python {platform.python_version()}, torch {torch.__version__}"
    return f"# A GPU\n\nWritten by `make bench-gpu`. {torch.cuda.get_device_name(device)}; {versions}. Random weights."


if __name__ == "__main__":
    main(next((one for one in sys.argv[1:] if one != "--small"), "cuda"), SMALL if "--small" in sys.argv else Sizes())
