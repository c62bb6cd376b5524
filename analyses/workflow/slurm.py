"""A run as SLURM jobs: array scripts whose command lines are those that a person would type, and their order."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from analyses.arms.grid import make_arms
from analyses.config.run_config import RunConfig
from analyses.errors import InputError
from encoders.publishing import private_folder, published_file

_TASK = "{shard}"


@dataclass(frozen=True)
class Resources:
    """What every job asks for.

    Parameters
    ----------
    shards : int
        Tasks of the windows array and of the embedding array of every arm.
    partition, time, mem : str, optional
        As sbatch takes them; without them the cluster's defaults.
    gres, gpu_partition : str, optional
        Of the embedding jobs alone, for example ``gpu:1``.
    """

    shards: int = 8
    partition: str | None = None
    time: str | None = None
    mem: str | None = None
    gres: str | None = None
    gpu_partition: str | None = None


@dataclass(frozen=True)
class Job:
    """One script.

    Parameters
    ----------
    name : str
        Names the job and its file.
    about : str
        What it does, for the head of the script.
    command : tuple of str
        Words after ``genebrain``, unquoted; ``{shard}`` stands for the task of an array.
    after : tuple of str
        Names of the jobs that must have ended well.
    n_tasks : int
        Tasks of an array; 0 for a single job.
    cpus : int
    on_gpu : bool
    """

    name: str
    about: str
    command: tuple[str, ...]
    after: tuple[str, ...] = ()
    n_tasks: int = 0
    cpus: int = 1
    on_gpu: bool = False


def plan_jobs(config: RunConfig, words: Sequence[str], shards: int) -> list[Job]:
    """Jobs of a run in an order that respects what they wait for.

    Parameters
    ----------
    words : sequence of str
        The configuration file and the overrides that every command gets.
    """
    cpus = config.engine.workers or config.workers
    task = ("--shard", f"{_TASK}/{shards}")
    embed = [
        Job(
            f"embed-{arm.name}",
            f"embed the distinct windows of one shard with {arm.name}",
            ("embed", *words, *task, "--arm", arm.name),
            ("merge",),
            shards,
            cpus,
            on_gpu=True,
        )
        for arm in make_arms(config)
    ]
    align = ("align", *words)
    return [
        Job("windows", "windows of the genes of one shard", ("windows", *words, *task), (), shards),
        Job("merge", "join the parts of the window table", ("windows", *words), ("windows",)),
        *embed,
        Job("align", "align and test every arm x view", align, tuple(job.name for job in embed), cpus=cpus),
        Job("report", "compare, report and log", ("run", *words), ("align",), cpus=cpus),
    ]


def emit_slurm(folder: Path, config: RunConfig, words: Sequence[str], resources: Resources) -> list[Path]:
    """Write the scripts of a run and ``submit.sh``, which chains them.

    A task may be killed and requeued at any time: what it had finished is kept, and it goes on from there.

    Returns
    -------
    list of Path
        ``submit.sh`` first.

    Raises
    ------
    InputError
        Fewer than one shard, or the folder cannot be written.
    """
    if resources.shards < 1:
        raise InputError(f"--shards must be at least 1; got {resources.shards}.")
    for option in ("partition", "time", "mem", "gres", "gpu_partition"):
        value = getattr(resources, option)
        if value is not None and not re.fullmatch(r"[\w.:,=+-]+", value):
            raise InputError(
                f"--{option.replace('_', '-')} goes to sbatch as it stands, so it must be of letters, digits and "
                f"'.:,=+-_'; got {value!r}."
            )
    jobs = plan_jobs(config, words, resources.shards)
    texts = {"submit.sh": _submit(jobs)}
    texts |= {_file(number, job): _script(job, config.name, resources) for number, job in enumerate(jobs, start=1)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        private_folder(folder / "logs")  # a job's log is what its owner's terminal would show: ids among it
        for name, text in texts.items():
            with published_file(folder / name) as unfinished:
                unfinished.write_text(text, encoding="utf-8")
                unfinished.chmod(0o755)
    except OSError as error:
        raise InputError(
            f"--emit-slurm needs a folder that can be written; {folder} is not ({error.strerror})."
        ) from None
    return [folder / name for name in texts]


def _file(number: int, job: Job) -> str:
    return f"{number:02d}-{job.name}.sh"


def _script(job: Job, run: str, resources: Resources) -> str:
    words = " ".join(("genebrain", *_quoted(job.command)))
    return "\n".join(
        [
            "#!/bin/bash",
            f"# {job.about[0].upper()}{job.about[1:]}."
            + (f" By hand: the last line, with a number from 1 to {job.n_tasks} for the task." if job.n_tasks else ""),
            *(f"#SBATCH --{option}" for option in _options(job, run, resources)),
            "set -euo pipefail",
            *_path(),
            f"cd {shlex.quote(os.getcwd())}",
            words,
            "",
        ]
    )


def _quoted(words: Sequence[str]) -> Iterator[str]:
    """Words for the shell; the number of a shard, and nothing else that is spelt so, is that of the array task."""
    for before, word in zip(("", *words), words, strict=False):
        if before == "--shard":
            yield f'"{word.replace(_TASK, "$SLURM_ARRAY_TASK_ID")}"'
        else:
            yield shlex.quote(word)


def _options(job: Job, run: str, resources: Resources) -> Iterator[str]:
    """sbatch's options; a log is named by job and task, and a requeued task goes on in the same one."""
    yield f"job-name={_word(run)}-{job.name}"
    if job.n_tasks:
        yield f"array=1-{job.n_tasks}"
    yield f"output=logs/%x-{'%A-%a' if job.n_tasks else '%j'}.out"
    yield from ("open-mode=append", "requeue", f"cpus-per-task={job.cpus}")
    partition = (resources.gpu_partition if job.on_gpu else None) or resources.partition
    given = {"partition": partition, "time": resources.time, "mem": resources.mem}
    if job.on_gpu:
        given["gres"] = resources.gres
    yield from (f"{option}={value}" for option, value in given.items() if value is not None)


def _path() -> list[str]:
    """Where this installation's command is, for jobs that start in another environment."""
    programs = Path(sys.executable).parent
    return [f'export PATH={shlex.quote(str(programs))}:"$PATH"'] if (programs / "genebrain").is_file() else []


def _word(name: str) -> str:
    """A name without what the shell or sbatch would take apart."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)


def _submit(jobs: Sequence[Job]) -> str:
    lines = [
        "#!/bin/bash",
        "# Submit all jobs; each waits until those before it have ended well. Submit again after a failure:",
        "# what is finished is not done twice.",
        "set -euo pipefail",
        'cd "$(dirname "${BASH_SOURCE[0]}")"',
        "mkdir -p -m 700 logs && chmod 700 logs",
        "declare -A job",
    ]
    for number, job in enumerate(jobs, start=1):
        waits = "".join(f":${{job[{name}]}}" for name in job.after)
        depends = f"--dependency=afterok{waits} --kill-on-invalid-dep=yes " if waits else ""
        lines.append(f"answer=$(sbatch --parsable {depends}{_file(number, job)})")
        lines.append(f'job[{job.name}]="${{answer%%;*}}"  # "id;cluster" where there are several clusters')
        lines.append(f'echo "{job.name}: job ${{job[{job.name}]}}"')
    return "\n".join([*lines, ""])
