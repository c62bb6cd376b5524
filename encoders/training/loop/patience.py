"""Early stopping: a training ends when validation gets no better."""

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class Patience(TrainerCallback):
    """Ends a training some validations after the best.

    It looks at the whole history, which checkpoints hold, so that a resumed training ends where it would have.

    Parameters
    ----------
    figure : str
        Of validation; the least is the best.
    n_validations : int
        Validations without a better one.
    """

    def __init__(self, figure: str, n_validations: int) -> None:
        self._figure, self._n_validations = f"eval_{figure}", n_validations

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Of a training that was resumed when it was to end."""
        self._look(state, control)

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """After every validation."""
        self._look(state, control)

    def _look(self, state: TrainerState, control: TrainerControl) -> None:
        found = [entry[self._figure] for entry in state.log_history if self._figure in entry]
        if found and len(found) - 1 - found.index(min(found)) >= self._n_validations:
            control.should_training_stop = True
