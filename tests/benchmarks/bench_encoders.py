"""Speed and memory of the encoders, as ratios within one run: ``make bench-encoders`` (three minutes; eight on AVX2).

Sections may be named, as in ``python -m tests.benchmarks.bench_encoders buckets caduceus``; the note needs all. A
processor without AVX-512 has a note of its own, results/encoders_avx2.md.

Weights are random: no time depends on them. Every figure is measured here and now; what was not is said to be
"not measured". Times are the shortest of several, the ways that are compared taking turns.
"""

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from encoders import EmbeddingStore, load_encoder
from encoders.dna.batching import make_buckets
from encoders.dna.models.caduceus import Caduceus
from encoders.dna.networks import linears
from encoders.dna.networks.product_libraries import (
    multiply_by_onednn,
    onednn_multiplies,
    pack_weights,
    runtime,
    torch_multiplies,
)
from encoders.dna.reverse_complement import ReverseComplementAverage
from encoders.dna.token_models.token_encoder import TOKEN_BUDGET, TokenEncoder
from encoders.embedding import EmbedReport, embed_missing
from tests.benchmarks.encoder_costs import (
    N_THREADS,
    Seconds,
    bert_flops,
    forward_pass,
    in_process,
    last_layer,
    learner_and_batch,
    mosaic_flops,
    shortest,
    train_step,
)

_PROCESSOR = Path("/proc/cpuinfo").read_text("utf-8") if Path("/proc/cpuinfo").exists() else ""
NOTE = Path(__file__).parent / "results" / ("encoders.md" if "avx512f" in _PROCESSOR else "encoders_avx2.md")
"""The fast products are others without AVX-512, and so are the figures."""

N_TOKENS = 512

Line = tuple[str, str, str]


def main(chosen: list[str]) -> None:
    """Measure the sections chosen, printing lines as they are found; all of them are then written as the note."""
    torch.set_num_threads(N_THREADS)
    sections = (gemm_rates, transformers, buckets, long_sequences, caduceus, training, cohort)
    lines: list[Line] = []
    for section in sections:
        for line in section() if not chosen or section.__name__ in chosen else ():
            print(" | ".join(line), flush=True)
            lines.append(line)
    if chosen:
        return
    NOTE.parent.mkdir(parents=True, exist_ok=True)
    rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    NOTE.write_text(f"{_context()}\n\n| what | measured | required |\n|---|---|---|\n{rows}\n", "utf-8")


def gemm_rates() -> Iterator[Line]:
    """Products of float32 and bfloat16 matrices of the sizes of a transformer."""
    for name, rate in best_rates().items():
        yield f"product of matrices, {name}", _rate(rate), ""


def best_rates() -> dict[str, Seconds]:
    """Of each library, over the products of a layer of DNABERT-2: seconds of 10^9 operations at its best."""
    best: dict[str, Seconds] = {}
    for n_in, n_out in ((768, 2304), (768, 6144), (3072, 768)):
        billions = 2e-9 * N_TOKENS * n_in * n_out
        for name, taken in shortest(_products(n_in, n_out), n_runs=8).items():
            before = best.get(name, Seconds())
            best[name] = Seconds(
                min(before.wall, taken.wall / billions), min(before.processor, taken.processor / billions)
            )
    return best


def _products(n_in: int, n_out: int) -> dict[str, Callable[[], object]]:
    x, weight = torch.randn(N_TOKENS, n_in), torch.randn(n_out, n_in)
    rough, arrays = x.bfloat16(), (x.numpy(), weight.numpy().T)
    ways: dict[str, Callable[[], object]] = {
        "MKL float32 (what nn.Linear calls)": lambda: functional.linear(x, weight),
        "numpy float32": lambda: arrays[0] @ arrays[1],
    }
    if onednn_multiplies(torch.float32):
        packed = pack_weights(weight)
        ways["oneDNN float32"] = lambda: multiply_by_onednn(x, packed)
    if onednn_multiplies(torch.bfloat16):
        packed_rough = pack_weights(weight.bfloat16())
        ways["oneDNN bfloat16"] = lambda: multiply_by_onednn(rough, packed_rough)
    elif torch_multiplies(torch.bfloat16, torch.device("cpu")):
        rough_weight = weight.bfloat16()
        ways["torch's own bfloat16"] = lambda: functional.linear(rough, rough_weight)
    return ways


def transformers() -> Iterator[Line]:
    """One window of 512 tokens at batch 1, the ways in turns."""
    best = [seconds for name, seconds in best_rates().items() if "float32" in name]
    peak = Seconds(min(one.wall for one in best), min(one.processor for one in best))
    for name, flops, limits in (
        ("dnabert2", mosaic_flops(N_TOKENS), (">= 1.6 x, by oneDNN", ">= 80 %", ">= 2.5 x")),
        ("dnabert-6", bert_flops(N_TOKENS), ("", "", "")),
    ):
        ways = _ways(name)
        states = {way: run().last_hidden_state[0] for way, run in ways.items()}
        seconds = shortest(ways, n_runs=4)
        for way, taken in seconds.items():
            yield f"{name}, 512 tokens, batch 1, {way}", _speed(taken), ""
        plain, exact, rough = (seconds[way] for way in ("plain nn.Linear float32", "float32", "bfloat16"))
        yield f"{name} float32 against plain nn.Linear", plain.per(exact), limits[0]
        own = Seconds(1e9 * exact.wall / flops, 1e9 * exact.processor / flops)
        share = f"{peak.wall / own.wall:.0%} ({peak.processor / own.processor:.0%} in processor time)"
        yield f"{name} float32: {_rate(own)}, of the best float32 products", share, limits[1]
        yield f"{name} bfloat16 against plain nn.Linear float32", plain.per(rough), limits[2]
        error = (states["float32"] - states["plain nn.Linear float32"]).abs().max()
        yield f"{name}, largest difference of a token between the libraries", f"{error:.1e}", "<= 2e-5"
        pooled = {way: state[1:-1].mean(0) for way, state in states.items()}
        error = (pooled["bfloat16"] - pooled["float32"]).norm() / pooled["float32"].norm()
        yield f"{name}, pooled vector in bfloat16, relative L2 error", f"{error:.2%}", "<= 2 %"


def _ways(name: str) -> dict[str, Callable[[], Any]]:
    exact, rough = (_load(f"untrained:{name}", dtype=dtype).model for dtype in ("float32", "bfloat16"))
    ids = torch.randint(5, 1000, (1, N_TOKENS))

    def plainly() -> object:
        with patch.object(linears, "product_library", lambda _: "mkl"):
            return exact(ids)

    return {
        "plain nn.Linear float32": plainly,
        "float32": lambda: exact(ids),
        "bfloat16": lambda: rough(ids),
    }


def buckets() -> Iterator[Line]:
    """24 sequences of log-uniform lengths between 32 and 512 tokens: real tokens per second."""
    encoder = _load("untrained:dnabert2")
    lengths = np.exp(np.random.default_rng(0).uniform(np.log(32), np.log(512), 24)).astype(int).tolist()
    tokens = [torch.randint(5, 1000, (length,)) for length in lengths]
    forward = encoder.model
    full = torch.randint(5, 1000, (2, N_TOKENS))  # what padding costs where it is computed

    def run(batches: list[list[int]]) -> None:
        for batch in batches:
            ids = nn.utils.rnn.pad_sequence([tokens[i] for i in batch], batch_first=True, padding_value=3)
            mask = torch.arange(ids.shape[1]) < torch.tensor([lengths[i] for i in batch])[:, None]
            forward.layer_state(ids, mask, 12)

    ways: dict[str, Callable[[], object]] = {
        "padded to 512": lambda: [forward.layer_state(full, torch.ones_like(full), 12) for _ in range(12)],
        "one by one": lambda: run([[i] for i in range(24)]),
        "bucketed": lambda: run(make_buckets(lengths, TOKEN_BUDGET["cpu"])),
    }
    seconds = shortest(ways, n_runs=2)
    for way, taken in seconds.items():
        yield f"dnabert2, 24 lengths (mean {np.mean(lengths):.0f} tokens), {way}", _speed(taken, sum(lengths)), ""
    yield "bucketed against padded to 512", seconds["padded to 512"].per(seconds["bucketed"]), ">= 3 x"
    yield "bucketed against one by one", seconds["one by one"].per(seconds["bucketed"]), ">= 0.85 x"


def long_sequences() -> Iterator[Line]:
    """Peak memory of fresh processes, weights and libraries included."""
    whole = "e.model.layer_state(torch.randint(5, 1000, (1, 8192)), torch.ones(1, 8192), 12)"
    taken, peak = in_process("untrained:dnabert2", whole)
    yield "dnabert2, 8,192 tokens at once", f"{peak:.2f} GB, {taken:.0f} s", "< 3 GB"
    gene = "e.embed([''.join(np.random.default_rng(0).choice(list('ACGT'), 200_000))])"
    for name, options in (
        ("dnabert2", {}),
        ("dnabert-6", {"num_hidden_layers": 1}),
        ("caduceus-ph", {"n_layer": 2}),
        ("caduceus-ps", {"n_layer": 2}),
    ):
        taken, peak = in_process(f"untrained:{name}", gene, long="stitch", **options)
        size = "".join(f", {value} layer(s)" for value in options.values())
        yield f"{name}{size}, a gene of 200 kb in windows", f"{peak:.2f} GB, {taken:.0f} s", "< 2 GB"


def caduceus() -> Iterator[Line]:
    """The published size of the 131k models, 16 layers of 256 channels; seconds of processor time on one thread."""
    torch.set_num_threads(1)
    for name, limits in (("caduceus-ph", ("<= 1.3 s", "<= 4.6")), ("caduceus-ps", ("", "<= 4.6"))):
        model = _load(f"untrained:{name}").model
        ways = {n: last_layer(model, torch.randint(7, 11, (1, n))) for n in (1024, 4096)}
        seconds = shortest(ways, n_runs=2)
        yield f"{name}, 1,024 bases", f"{seconds[1024].processor:.2f} CPU-s", limits[0]
        yield f"{name}, time of 4,096 bases over 1,024", seconds[4096].per(seconds[1024]), limits[1]
    torch.set_num_threads(N_THREADS)
    for name in ("caduceus-ph", "caduceus-ps"):
        peaks = [
            in_process(
                f"untrained:{name}", f"e.model.layer_state(torch.full((1, {n}), 7), torch.ones(1, {n}), 2)", n_layer=2
            )[1]
            for n in (256, 16_384)
        ]
        yield f"{name}, memory that 16,384 bases add", f"{1000 * (peaks[1] - peaks[0]):.0f} MB", "< 300 MB"


def training() -> Iterator[Line]:
    """A step (forward, backward, AdamW) against the forward pass, and what gradient checkpointing saves."""
    sizes = {"dnabert-6": {"num_hidden_layers": 4}, "caduceus-ps": {"n_layer": 4}}
    for name, changed in sizes.items():
        model, inputs = learner_and_batch(name, changed, (2, N_TOKENS))
        seconds = shortest({"forward": forward_pass(model, inputs), "step": train_step(model, inputs)}, n_runs=3)
        what = f"{name}, {next(iter(changed.values()))} layers, 2 x {N_TOKENS} tokens"
        yield f"{what}: a step of training against the forward pass", seconds["step"].per(seconds["forward"]), ""
    for name, changed in sizes.items():
        peaks = [_training_peak(name, changed, checkpointed=one) for one in (False, True)]
        shown = f"{peaks[0]:.2f} GB without, {peaks[1]:.2f} GB with"
        yield f"{name}, 8 x {N_TOKENS} tokens: memory of a step, gradient checkpointing", shown, ""


def _training_peak(name: str, sizes: dict[str, int], *, checkpointed: bool) -> float:
    """Peak memory of a fresh process, weights and libraries included, in GB."""
    code = f"""
import torch
from encoders.training.loop.checkpointing import checkpoint_layers
from encoders.training.pretraining.learner import make_learner
from tests.benchmarks.encoder_costs import own_peak
torch.set_num_threads({N_THREADS})
model = make_learner({name!r}, sizes={sizes!r}).model
if {checkpointed}:
    checkpoint_layers(model.network)
ids = torch.randint(7, 11, (8, {N_TOKENS}))
model(ids, torch.ones_like(ids), ids)["loss"].backward()
print(own_peak())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def cohort() -> Iterator[Line]:
    """1,000 subjects, 20 genes, 5 haplotypes of each gene; both strands averaged."""
    rng = np.random.default_rng(0)
    haplotypes = ["".join(rng.choice(list("ACGT"), length)) for length in rng.integers(60, 300, 100)]
    drawn = [haplotypes[5 * gene + one] for gene in range(20) for one in rng.integers(0, 5, 2000)]
    small = {"num_hidden_layers": 2, "hidden_size": 96, "num_attention_heads": 4, "intermediate_size": 192}
    encoder = ReverseComplementAverage(_load("untrained:dnabert2", **small))
    with tempfile.TemporaryDirectory() as folder:

        def embed() -> EmbedReport:
            return embed_missing(encoder, drawn, EmbeddingStore(Path(folder), encoder.spec))

        first, second = embed(), embed()
    yield "cohort of 40,000 haplotypes: gene embeddings computed", f"{first.n_encoded}", "100"
    done = f"{second.n_forward_passes} forward passes, {second.seconds:.2f} s"
    yield "cohort of 40,000 haplotypes: the second run", done, "0 and < 1 s"


def _load(name: str, **settings: object) -> TokenEncoder:
    encoder = load_encoder(name, device="cpu", **settings)  # type: ignore[arg-type]  # options of any kind
    assert isinstance(encoder, TokenEncoder | Caduceus)
    return encoder


def _speed(seconds: Seconds, n_tokens: int = N_TOKENS) -> str:
    return f"{n_tokens / seconds.wall:,.0f} tokens/s"


def _rate(of_a_billion: Seconds) -> str:
    return f"{1 / of_a_billion.wall:.0f} GFLOP/s ({1 / of_a_billion.processor:.0f} per processor)"


def _context() -> str:
    made_by = runtime(torch.device("cpu"))
    bf16 = "with" if "avx512_bf16" in _PROCESSOR else "without"
    return (
        f"# Encoders: speed and memory\n\nWritten by `make bench-encoders`. {made_by['cpu']}, {N_THREADS} threads, "
        f"{bf16} AVX512_BF16; Python {platform.python_version()}, torch {torch.__version__}, numpy {np.__version__}. "
        f"Library chosen for float32 linears: {made_by['linears']}. Random weights; times are the shortest of several. "
        f"Where others keep the processors busy ({os.getloadavg()[0]:.1f} processes ready to run at the end, its own "
        "included), time on the wall says less than processor time; undisturbed, the two agree."
    )


if __name__ == "__main__":
    main(sys.argv[1:])
