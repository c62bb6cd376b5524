"""Contrastive alignment: two towers learn to find each subject's partner, for many permutations at once.

Every permutation has its own towers; those of a portion are trained side by side as one stack of matrices. Weights at
the start, order of rows and noise are drawn once for all of them, so that a permutation differs from the observed
pairing in nothing but the pairing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.optim.adamw import adamw

from analyses.alignment.towers import Tower, info_nce
from fusion.methods.canonical_scores import canonical_scores
from fusion.methods.method import LearningRows, Permuted, ScoreStack

Pair = tuple[Tensor, Tensor]
"""What both towers say of the same rows, [n_models, n_rows, width] each."""

START_SCALE = 5.0
"""Inverse temperature at the start."""


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums of several threads have other bits; portions run beside each other instead."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True)
class ContrastiveMethod:
    """Two-tower contrastive alignment of frozen vectors; a method as `fusion.methods.method.Method` describes it.

    Symmetric InfoNCE with a learned temperature, AdamW, noise added to the rows, and the epoch in which rows of the
    first inner fold, which nothing is fitted to, are found best. Scores are canonical ridge of what the towers give, so
    that "first component" means what it does in the other methods.

    Attributes
    ----------
    width, hidden : int
        Of the towers.
    n_epochs, patience : int
        Most epochs, and epochs without a better one after which a model is done.
    batch_size : int
        Rows that are told apart from one another.
    learning_rate, weight_decay : float
    noise : float
        Standard deviation, in those of the columns.
    head_penalty : float
        Of canonical ridge.
    device : str
        As torch names it.
    """

    width: int = 16
    hidden: int = 32
    n_epochs: int = 40
    patience: int = 5
    batch_size: int = 256
    learning_rate: float = 0.03
    weight_decay: float = 0.01
    noise: float = 0.3
    head_penalty: float = 0.1
    device: str = "cpu"

    def __call__(self, x: Permuted, y: np.ndarray, rows: LearningRows) -> tuple[ScoreStack, ScoreStack]:
        """See `fusion.methods.method.Method`."""
        device = torch.device(self.device)
        n_models, spread = len(x), y[rows.train].std(axis=0, ddof=1)
        scaled = (y - y[rows.train].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        sides = [torch.from_numpy(side.astype(np.float32)).to(device) for side in (x, scaled)]
        views = (sides[0], sides[1].expand(n_models, -1, -1))
        with _one_thread():
            towers = self._train(views, rows, device)
            with torch.no_grad():
                found = [
                    self.told(tower, view).cpu().numpy().astype(np.float64)
                    for tower, view in zip(towers, views, strict=True)
                ]
        return canonical_scores(found[0], found[1], rows.train, self.head_penalty)

    def told(self, tower: Tower, rows: Tensor) -> Tensor:
        """What a tower says of rows, [n_models, n_rows, width]."""
        return tower(rows)

    def loss(self, x: Tensor, y: Tensor, log_scale: Tensor) -> Tensor:
        """Of every model, by what its towers say of the same rows, [n_models]."""
        return info_nce(x, y, log_scale)

    def judge(self, fitted: Pair, judged: Pair, log_scale: Tensor) -> Tensor:
        """Loss of every model in rows that it was not fitted to, [n_models]."""
        return self.loss(*judged, log_scale)

    def _train(self, views: tuple[Tensor, Tensor], rows: LearningRows, device: torch.device) -> tuple[Tower, Tower]:
        rng = np.random.default_rng(rows.seed)
        models = _Models.drawn(self, views, rng, device)
        fit, judged = rows.inner[0]
        optimiser = _AdamW(models.weights, self.learning_rate, self.weight_decay)
        for _ in range(self.n_epochs):
            order = rng.permutation(fit)
            for batch in np.array_split(order, max(1, round(len(order) / self.batch_size))):
                taken = [self._with_noise(view[:, batch], rng) for view in views]
                optimiser.step(self.loss(*models.told(self, taken), models.log_scale).sum())
            with torch.no_grad():
                fitted, other = (models.told(self, [view[:, part] for view in views]) for part in (fit, judged))
                if not models.keep_better(self.judge(fitted, other, models.log_scale), self.patience):
                    break
        return models.best()

    def _with_noise(self, rows: Tensor, rng: np.random.Generator) -> Tensor:
        drawn = rng.standard_normal(rows.shape[1:], dtype=np.float32)
        return rows + self.noise * torch.from_numpy(drawn).to(rows.device)


class _AdamW:
    """AdamW of all models at once, every weight by itself.

    torch's function of it, not its class: importing what the class asks for takes longer than a small cohort.
    """

    def __init__(self, weights: list[Tensor], learning_rate: float, weight_decay: float) -> None:
        self._weights, self._lr, self._weight_decay = weights, learning_rate, weight_decay
        self._means, self._squares = ([torch.zeros_like(weight) for weight in weights] for _ in range(2))
        self._steps = [torch.tensor(0.0) for _ in weights]

    def step(self, loss: Tensor) -> None:
        """One step down the loss, summed over models: the gradient of a model is that of its own loss."""
        # A loss without a temperature has none to learn.
        gradients = torch.autograd.grad(loss, self._weights, materialize_grads=True)
        with torch.no_grad():
            adamw(
                self._weights,
                list(gradients),
                self._means,
                self._squares,
                [],
                self._steps,
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=self._lr,
                weight_decay=self._weight_decay,
                eps=1e-8,
                maximize=False,
            )


@dataclass
class _Models:
    """Towers and temperatures of all models, and each one's best so far."""

    towers: tuple[Tower, Tower]
    log_scale: Tensor
    kept: list[Tensor]
    least: Tensor
    waited: Tensor

    @classmethod
    def drawn(
        cls,
        method: ContrastiveMethod,
        views: tuple[Tensor, Tensor],
        rng: np.random.Generator,
        device: torch.device,
    ) -> _Models:
        n_models = len(views[0])
        first, second = (
            Tower.drawn(n_models, view.shape[2], hidden=method.hidden, width=method.width, rng=rng, device=device)
            for view in views
        )
        log_scale = torch.full((n_models, 1, 1), float(np.log(START_SCALE)), device=device)
        least = torch.full((n_models,), torch.inf, device=device)
        made = cls((first, second), log_scale, [], least, torch.zeros(n_models, device=device))
        made.kept = [weight.clone() for weight in made.weights]
        for weight in made.weights:
            weight.requires_grad_(True)
        return made

    @property
    def weights(self) -> list[Tensor]:
        return [*self.towers[0].weights, *self.towers[1].weights, self.log_scale]

    def told(self, method: ContrastiveMethod, views: Sequence[Tensor]) -> Pair:
        x, y = (method.told(tower, view) for tower, view in zip(self.towers, views, strict=True))
        return x, y

    def keep_better(self, loss: Tensor, patience: int) -> bool:
        """Keep the weights of models whose loss is their least so far; whether any model still goes on."""
        better = (loss < self.least) & (self.waited < patience)
        self.least = torch.where(better, loss, self.least)
        self.waited = torch.where(better, torch.zeros_like(self.waited), self.waited + 1)
        for kept, weight in zip(self.kept, self.weights, strict=True):
            kept[better] = weight[better]
        return bool((self.waited < patience).any())

    def best(self) -> tuple[Tower, Tower]:
        return Tower(*self.kept[:4]), Tower(*self.kept[4:8])
