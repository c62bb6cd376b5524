"""A training in MLflow while it goes on: one run, its curve point by point."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

from analyses.tracking.mlflow_client import open_writer, store_errors
from encoders.publishing import write_whole

LEDGER = "tracking.json"


class TrainingCurve:
    """A run of MLflow; a training that is resumed goes on in its own.

    A store that fails while a training goes on costs the curve in MLflow, not the training: a warning says so once.

    Parameters
    ----------
    uri : str
        A resolved address.
    experiment : str
        In which trainings of a kind stand together.
    name : str
        Of the run.
    params, tags : mapping of str to str
        Settings, and where it comes from.
    folder : Path
        Keeps the id of the run until the training is finished.

    Raises
    ------
    InputError
        The store cannot be used.
    """

    def __init__(
        self,
        uri: str,
        *,
        experiment: str,
        name: str,
        params: Mapping[str, str],
        tags: Mapping[str, str],
        folder: Path,
    ) -> None:
        self._writer = open_writer(uri, experiment)
        self._fails = False
        path = folder / LEDGER
        known = _read(path)
        if known is not None and known.get("uri") == uri and self._writer.go_on(known["run_id"]):
            self.run_id = known["run_id"]
            return
        self.run_id = self._writer.begin(name, tags)
        write_whole(path, json.dumps({"uri": uri, "run_id": self.run_id}) + "\n")
        self._writer.log_values(self.run_id, [], params)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """One point of the curve."""
        points = [(name, value, step) for name, value in values.items()]
        self._try(lambda: self._writer.log_values(self.run_id, points, {}))

    def log_file(self, path: Path) -> None:
        """A file of the run."""
        self._try(lambda: self._writer.log_file(self.run_id, path))

    def end(self, status: str) -> None:
        """FINISHED, FAILED or KILLED."""
        self._try(lambda: self._writer.end(self.run_id, status))

    def _try(self, write: Callable[[], None]) -> None:
        if self._fails:
            return
        try:
            write()
        except store_errors() as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._fails = True
        said = " ".join(str(error).split())[:200]
        warnings.warn(
            f"The tracking store takes no more of this training ({said}); it goes on, and its curve is kept in "
            "curve.csv.",
            stacklevel=4,
        )


def _read(path: Path) -> dict[str, str] | None:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and "run_id" in content else None
