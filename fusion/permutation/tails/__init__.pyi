from .fitted import TailP as TailP
from .fitted import step_down_tails as step_down_tails
from .fitted import tail_p as tail_p
from .fitted import tail_ps as tail_ps
from .laws import fisher_z as fisher_z
