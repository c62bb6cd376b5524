from .cohort import make_demo_cohort as make_demo_cohort
