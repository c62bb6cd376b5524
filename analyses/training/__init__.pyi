from .pretrain import run_pretraining as run_pretraining
