"""Which arms an experiment compares."""

import json
from pathlib import Path
from typing import Any

import pytest

from analyses.arms.grid import make_arms
from analyses.config.encoder import EncoderConfig
from analyses.config.file import load_config
from analyses.config.run_config import RunConfig
from analyses.errors import InputError
from tests.analyses.commands import CONFIG

TRAINED = EncoderConfig(name="dnab2", encoder="dnabert2", source="/weights", rc="average", untrained={"seed": 3})


def _config(encoders: tuple[EncoderConfig, ...], **changes: Any) -> RunConfig:
    settings = load_config(CONFIG, variables={"DEMO_COHORT": "/nowhere"}).model_dump() | changes
    return RunConfig.model_validate(settings | {"encoders": [arm.model_dump() for arm in encoders]})


def test_alignment_takes_the_arms_as_named() -> None:
    assert make_arms(_config((TRAINED,), experiment="align")) == (TRAINED,)


def test_a_comparison_adds_baselines_and_one_untrained_control_of_each_architecture() -> None:
    both = (TRAINED, TRAINED.model_copy(update={"name": "dnab2-fwd", "rc": "forward"}))
    arms = make_arms(_config(both, experiment="compare"))
    assert [arm.name for arm in arms] == ["dnab2", "dnab2-fwd", "kmer-5", "dosage", "untr-dnab2"]
    control = arms[-1]
    assert (control.encoder, control.source, control.rc, control.options) == (
        "untrained:dnabert2",
        None,
        "average",
        {"seed": 3},
    )


def test_the_control_of_a_network_of_its_own_size_has_that_size(tmp_path: Path) -> None:
    """Fine-tuned networks lie in folders: one of width 24 is not held against the published 256, nor one of 32."""
    arms = []
    for width, name in ((24, "mini"), (24, "tuned"), (32, "wide")):
        folder = tmp_path / name
        folder.mkdir()
        shape = {"model_type": "caduceus", "d_model": width, "n_layer": 1, "ssm_cfg": {"d_state": 4, "expand": 1}}
        (folder / "config.json").write_text(json.dumps(shape))
        arms.append(EncoderConfig(name=name, encoder="caduceus-ps", source=str(folder), rc="equivariant"))
    controls = make_arms(_config(tuple(arms), experiment="compare"))[5:]
    assert [arm.name for arm in controls] == ["untr-mini", "untr-wide"]
    assert [arm.options["d_model"] for arm in controls] == [24, 32]
    assert controls[0].options["d_state"] == 4


def test_what_is_there_is_not_added_again() -> None:
    named = (
        TRAINED,
        EncoderConfig(name="k7", encoder="kmer-spectrum", options={"k": 7}),
        EncoderConfig(name="control", encoder="untrained:dnabert2", rc="average"),
    )
    assert [arm.name for arm in make_arms(_config(named, experiment="compare"))] == ["dnab2", "k7", "control", "dosage"]
    assert make_arms(_config(named, experiment="compare", compare={"baselines": False})) == named


def test_pooling_and_rc_replace_each_arm_by_its_variants() -> None:
    pooled = make_arms(
        _config((TRAINED,), experiment="pooling", pooling={"poolings": ["mean", "max"], "layers": [-1, 3]})
    )
    assert [(arm.name, arm.pooling, arm.layer) for arm in pooled] == [
        ("dnab2-mean-last1", "mean", -1),
        ("dnab2-mean-l3", "mean", 3),
        ("dnab2-max-last1", "max", -1),
        ("dnab2-max-l3", "max", 3),
    ]
    strands = make_arms(_config((TRAINED,), experiment="rc"))
    assert [(arm.name, arm.rc) for arm in strands] == [("dnab2-fwd", "forward"), ("dnab2-avg", "average")]


def test_two_arms_of_one_name_are_refused_after_expansion() -> None:
    twin = EncoderConfig(name="kmer-5", encoder="dnabert-6", source="/weights")
    with pytest.raises(InputError, match="'kmer-5' is used twice"):
        make_arms(_config((twin,), experiment="compare"))


def test_the_resolved_configuration_gives_the_same_arms(tmp_path: Path) -> None:
    from analyses.config.file import resolved_yaml

    config = _config((TRAINED,), experiment="compare")
    path = tmp_path / "resolved.yaml"
    path.write_text(resolved_yaml(config))
    assert make_arms(load_config(path)) == make_arms(config)
