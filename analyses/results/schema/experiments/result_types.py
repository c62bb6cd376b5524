"""The type of every experiment's result, by the name of the experiment."""

from __future__ import annotations

from collections.abc import Mapping

from analyses.results.schema.experiments.associations import AssociateResult
from analyses.results.schema.experiments.attributions import AttributeResult
from analyses.results.schema.experiments.audits import AuditResult
from analyses.results.schema.experiments.escalations import EscalateResult
from analyses.results.schema.experiments.harmonisations import HarmoniseResult
from analyses.results.schema.experiments.orthologs import SpeciesResult
from analyses.results.schema.experiments.predictions import PredictResult
from analyses.results.schema.experiments.probes import ProbeResult
from analyses.results.schema.experiments.replications import ReplicateResult
from analyses.results.schema.experiments.searches import DimsResult, TuneResult
from analyses.results.schema.experiments.strata import StratifyResult
from analyses.results.schema.experiments.subsamples import SubsampleResult
from analyses.results.schema.experiments.tokens import TokensResult
from analyses.results.schema.experiments.variants import VariantsResult

ExperimentResult = (
    AttributeResult
    | EscalateResult
    | SpeciesResult
    | ProbeResult
    | HarmoniseResult
    | StratifyResult
    | SubsampleResult
    | AssociateResult
    | AuditResult
    | DimsResult
    | PredictResult
    | ReplicateResult
    | TokensResult
    | TuneResult
    | VariantsResult
)

#: What an experiment's file holds, by its name; a new experiment adds its type here.
RESULT_TYPES: Mapping[str, type[ExperimentResult]] = {
    "attribute": AttributeResult,
    "escalate": EscalateResult,
    "species": SpeciesResult,
    "probe": ProbeResult,
    "harmonise": HarmoniseResult,
    "stratify": StratifyResult,
    "subsample": SubsampleResult,
    "associate": AssociateResult,
    "audit": AuditResult,
    "dims": DimsResult,
    "predict": PredictResult,
    "replicate": ReplicateResult,
    "tokens": TokensResult,
    "tune": TuneResult,
    "variants": VariantsResult,
}


def result_file(experiment: str) -> str:
    """Where the result of an experiment lies in a results folder."""
    return f"experiments/{experiment}.json"
