"""The scripts of a run are valid shell, ask for what they were told, and end where one process ends."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from analyses.simulation.cohort import DemoCohort
from analyses.workflow.slurm import Job, Resources, _script
from tests.analyses.commands import Command
from tests.analyses.shared_out import (
    ARM,
    RESULT_FILES,
    WINDOW_FILES,
    arguments,
    check_same_files,
    open_run,
    stored_vectors,
)

#: Stands in for the scheduler: runs a script at once, the tasks of an array beside each other, and refuses a job that
#: waits for one it does not know.
SBATCH = r"""#!/bin/bash
set -euo pipefail
ledger="$(dirname "$0")/ledger"; touch "$ledger"
script="${@: -1}"
for word in "$@"; do
  case "$word" in --dependency=afterok:*)
    IFS=: read -ra ids <<< "${word#--dependency=afterok:}"
    for id in "${ids[@]}"; do grep -q "^$id " "$ledger" || { echo "no job $id" >&2; exit 1; }; done;;
  esac
done
export SLURM_CPUS_PER_TASK="$(sed -n 's/^#SBATCH --cpus-per-task=//p' "$script")"
last="$(sed -n 's/^#SBATCH --array=1-//p' "$script")"
pids=()
for task in $(seq 1 "${last:-1}"); do
  SLURM_ARRAY_TASK_ID="$task" bash "$script" >> "logs/$(basename "$script")-$task.out" 2>&1 & pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid"; done
id=$((100 + $(wc -l < "$ledger"))); echo "$id $script $*" >> "$ledger"; echo "$id;cluster"
"""


@pytest.fixture(scope="module")
def cohort(small_cohort: DemoCohort) -> DemoCohort:
    return small_cohort


@pytest.fixture
def jobs(genebrain: Command, cohort: DemoCohort, tmp_path: Path) -> Path:
    """Scripts in a folder whose name has a blank."""
    folder = tmp_path / "my jobs"
    asked = ("--shards", "2", "--partition", "cpu", "--gpu-partition", "gpu", "--gres", "gpu:1", "--time", "1:00:00")
    words = arguments(cohort, tmp_path / "run", "--set", 'title=it\'s a "test"', "--mem", "4G", *asked)
    assert genebrain("run", *words, "--emit-slurm", folder) == 0
    return folder


def test_scripts_are_valid_and_ask_for_what_they_were_told(jobs: Path, tmp_path: Path) -> None:
    scripts = sorted(path.name for path in jobs.glob("*.sh"))
    expected = ["01-windows.sh", "02-merge.sh", f"03-embed-{ARM}.sh", "04-align.sh", "05-report.sh", "submit.sh"]
    assert scripts == expected
    for name in scripts:
        subprocess.run(["bash", "-n", jobs / name], check=True)
        assert "set -euo pipefail" in (jobs / name).read_text()
    for name in scripts[:-1]:
        asked = set(re.findall(r"^#SBATCH --(\S+)", (jobs / name).read_text(), re.M))
        assert {"requeue", "open-mode=append", "time=1:00:00", "mem=4G", "cpus-per-task=1"} <= asked
        on_gpu = "embed" in name
        assert ("gres=gpu:1" in asked, "partition=gpu" in asked, "partition=cpu" in asked) == (
            on_gpu,
            on_gpu,
            not on_gpu,
        )
        assert ("array=1-2" in asked) == ("windows" in name or on_gpu)
    assert not (tmp_path / "run").exists()


def test_jobs_end_where_one_process_ends(jobs: Path, cohort: DemoCohort, tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("genebrain")
    if not command.exists():
        pytest.skip("the command genebrain is not installed beside this Python")
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "sbatch").write_text(SBATCH)
    (programs / "sbatch").chmod(0o755)
    environment = os.environ | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "DEMO_COHORT": str(cohort.folder),
    }
    # Alone, and in a process as fresh as a job's: the number of BLAS threads decides the last bits.
    whole = [command, "align", *arguments(cohort, tmp_path / "alone" / "run")]
    subprocess.run(whole, env=environment, capture_output=True, check=True)
    alone = open_run(cohort, tmp_path / "alone" / "run")
    answer = subprocess.run(
        ["bash", jobs / "submit.sh"], env=environment, cwd="/", capture_output=True, text=True, check=False
    )
    logs = "\n".join(path.read_text() for path in (jobs / "logs").iterdir())
    assert answer.returncode == 0, answer.stderr + logs
    assert answer.stdout.split("\n")[0] == "windows: job 100"
    run = open_run(cohort, tmp_path / "run")
    check_same_files((*WINDOW_FILES, *RESULT_FILES), run.workspace.folder, alone.workspace.folder)
    assert stored_vectors(run) == stored_vectors(alone)
    assert (run.workspace.folder / "report.html").is_file()
    align = (jobs / "logs" / "04-align.sh-1.out").read_text()
    assert "0 sequences embedded" in align  # the array had made every vector
    by_hand = environment | {"SLURM_ARRAY_TASK_ID": "2"}
    again = subprocess.run(["bash", jobs / "01-windows.sh"], env=by_hand, capture_output=True, text=True, check=True)
    assert "up to date, the table is merged" in again.stdout  # a task that is requeued late


def test_submitting_stops_where_the_scheduler_refuses(jobs: Path, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "sbatch").write_text("#!/bin/bash\necho refused >&2; exit 1\n")
    (programs / "sbatch").chmod(0o755)
    environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    answer = subprocess.run(["bash", jobs / "submit.sh"], env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode != 0
    assert "job" not in answer.stdout


@pytest.mark.parametrize("value", ["cpu\n#SBATCH --wrap=rm", "a b", "$(id)", ""])
def test_what_sbatch_would_take_apart_is_refused(
    genebrain: Command, cohort: DemoCohort, tmp_path: Path, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = arguments(cohort, tmp_path / "run", "--emit-slurm", tmp_path / "jobs", "--partition", value)
    assert genebrain("run", *words) == 2
    assert "--partition goes to sbatch as it stands" in capsys.readouterr().err
    assert not (tmp_path / "jobs").exists()


def test_a_configuration_named_as_the_number_of_a_shard_stays_itself() -> None:
    job = Job("windows", "windows", ("windows", "{shard}/a b.yaml", "--shard", "{shard}/3"), n_tasks=3)
    last = _script(job, "run", Resources()).rstrip().splitlines()[-1]
    assert last == """genebrain windows '{shard}/a b.yaml' --shard "$SLURM_ARRAY_TASK_ID/3\""""


def test_logs_are_their_owners_alone(jobs: Path, tmp_path: Path) -> None:
    assert stat.S_IMODE((jobs / "logs").stat().st_mode) == 0o700
    (jobs / "logs").rmdir()
    (tmp_path / "sbatch").write_text("#!/bin/bash\necho 1\n")
    (tmp_path / "sbatch").chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    command = ["bash", "-c", 'umask 0; bash "$1"', "bash", str(jobs / "submit.sh")]
    subprocess.run(command, env=environment, capture_output=True, check=True)
    assert stat.S_IMODE((jobs / "logs").stat().st_mode) == 0o700
