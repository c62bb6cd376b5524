"""Every experiment by name."""

from typing import Literal

ExperimentName = Literal[
    "align",
    "compare",
    "pooling",
    "rc",
    "audit",
    "dims",
    "subsample",
    "tune",
    "predict",
    "attribute",
    "associate",
    "stratify",
    "replicate",
    "harmonise",
    "escalate",
    "tokens",
    "variants",
    "species",
    "probe",
]
