"""What an encoder costs: operations by formula; time and memory by measurement."""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from encoders.dna.networks.caduceus import CaduceusShape
from encoders.training.masking.corruption import IGNORED
from encoders.training.pretraining.learner import make_learner

N_THREADS = 2


@dataclass(frozen=True)
class Seconds:
    """Shortest times of several runs: by the clock on the wall, and of all processors together."""

    wall: float = np.inf
    processor: float = np.inf

    def per(self, other: "Seconds") -> str:
        """How many times as long this takes as another does, both ways."""
        wall, processor = self.wall / other.wall, self.processor / other.processor
        return f"{wall:.2f} x ({processor:.2f} x in processor time)"


def shortest(ways: dict[Any, Callable[[], object]], *, n_runs: int) -> dict[Any, Seconds]:
    """Shortest time of each way; they take turns, after one turn that does not count."""
    found = dict.fromkeys(ways, Seconds())
    with torch.inference_mode():
        for turn in range(n_runs + 1):
            for name, run in ways.items():
                wall, processor = time.perf_counter(), time.process_time()
                run()
                if torch.cuda.is_available():
                    torch.cuda.synchronize()
                taken = Seconds(time.perf_counter() - wall, time.process_time() - processor)
                if turn:
                    before = found[name]
                    found[name] = Seconds(min(before.wall, taken.wall), min(before.processor, taken.processor))
    return found


def own_peak() -> float:
    """Most memory that this process held, in GB (10^9 bytes).

    Not ru_maxrss: it begins with what the process held that this one was forked from, a benchmark's gigabytes.
    """
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text(encoding="utf-8"))
    assert found is not None
    return int(found[1]) * 1024 / 1e9


def in_process(name: str, statement: str, **options: object) -> tuple[float, float]:
    """Seconds, and most memory held (GB, 10^9 bytes), of a statement about an encoder `e` in a process of its own."""
    code = (
        "import time, numpy as np, torch\nfrom encoders import load_encoder\n"
        "from tests.benchmarks.encoder_costs import own_peak\n"
        f"torch.set_num_threads({N_THREADS})\n"
        f"e = load_encoder({name!r}, device='cpu', **{options!r})\nstart = time.perf_counter()\n"
        f"with torch.inference_mode():\n    {statement}\n"
        "print(time.perf_counter() - start, own_peak())\n"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    seconds, peak = map(float, run.stdout.split())
    return seconds, peak


def learner_and_batch(
    name: str, sizes: dict[str, int], shape: tuple[int, int], device: str = "cpu"
) -> tuple[nn.Module, dict[str, Tensor]]:
    """A network that learns, and a batch of tokens of which 15 % are asked for."""
    learner = make_learner(name, sizes=sizes)
    ids = torch.randint(learner.rule.first_id, learner.rule.end_id, shape)
    labels = ids.where(torch.rand(shape) < 0.15, torch.full_like(ids, IGNORED))
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels}
    return learner.model.to(device), {name: one.to(device) for name, one in inputs.items()}


def forward_pass(model: nn.Module, inputs: dict[str, Tensor]) -> Callable[[], object]:
    """The pass alone: `shortest` keeps no gradients."""
    return lambda: model(**inputs)


def train_step(model: nn.Module, inputs: dict[str, Tensor]) -> Callable[[], object]:
    """Forward, backward and AdamW."""
    optimizer = torch.optim.AdamW(model.parameters())

    def run() -> None:
        with torch.inference_mode(False), torch.enable_grad():
            optimizer.zero_grad()
            model(**inputs)["loss"].backward()
            optimizer.step()

    return run


def last_layer(model: nn.Module, ids: Tensor) -> Callable[[], object]:
    """The states of an encoder's last layer."""
    shape = model.shape
    last = shape.n_layer if isinstance(shape, CaduceusShape) else shape.num_hidden_layers
    return lambda: model.layer_state(ids, torch.ones_like(ids), last)


def mosaic_flops(n_tokens: int = 512, width: int = 768, inner: int = 3072, n_layers: int = 12) -> float:
    """Multiplications and additions of DNABERT-2: four square products, three of the gated units, two of attention."""
    return n_layers * n_tokens * (2 * width * (4 * width + 3 * inner) + 4 * n_tokens * width)


def bert_flops(n_tokens: int = 512, width: int = 768, inner: int = 3072, n_layers: int = 12) -> float:
    """Those of DNABERT: as DNABERT-2, with two products of plain units."""
    return n_layers * n_tokens * (2 * width * (4 * width + 2 * inner) + 4 * n_tokens * width)


def caduceus_flops(n_tokens: int = 512, width: int = 256, n_states: int = 16, n_layers: int = 16) -> float:
    """Products of Caduceus Ph, shared by its directions, and of each direction; then the steps of its scans."""
    inner, rank = 2 * width, width // 16
    shared = 2 * width * 2 * inner + 2 * inner * width
    each = 2 * inner * (rank + 2 * n_states) + 2 * rank * inner + 8 * inner + 7 * inner * n_states
    return n_layers * n_tokens * (shared + 2 * each)
