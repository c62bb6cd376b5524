from .finetune import run_finetuning as run_finetuning
from .pretrain import run_pretraining as run_pretraining
