from .demo import run_demo as run_demo
from .pipeline import Pipeline as Pipeline
from .plan import describe as describe
from .plan import make_plan as make_plan
from .sharded_stages import run_embed as run_embed
from .sharded_stages import run_window_shard as run_window_shard
from .slurm import Resources as Resources
from .slurm import emit_slurm as emit_slurm
