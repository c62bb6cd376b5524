"""Encoders by name, also those of another package."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from encoders import InputError, available_encoders, load_encoder
from encoders.dna import registry
from encoders.dna.kmer_spectrum import KmerSpectrum
from encoders.dna.protocol import SequenceEncoder
from encoders.dna.registry import EncoderRequest, register_encoder
from encoders.dna.reverse_complement import ReverseComplementAverage

CONFIGS = sorted((Path(__file__).resolve().parents[3] / "configs/encoders").glob("*.yaml"))
KEYS = {"name", "encoder", "source", "revision", "rc", "pooling", "layer", "dtype", "options"}

THIRD_PARTY = """
from encoders.dna.kmer_spectrum import KmerSpectrum
class Pairs:
    def __init__(self, request):
        self._encoder = KmerSpectrum(**request.read_options({"k": 2}))
        self.spec = self._encoder.spec
    def embed(self, sequences):
        return self._encoder.embed(sequences)
"""


@pytest.fixture
def own_name() -> Iterator[str]:
    yield "test-only"
    registry._BUILDERS.pop("test-only", None)


def test_a_registered_encoder_is_listed_and_loaded(own_name: str) -> None:
    @register_encoder(own_name)
    def load(request: EncoderRequest) -> SequenceEncoder:
        return KmerSpectrum(**request.read_options({"k": 2}))

    assert own_name in available_encoders()
    assert load_encoder(own_name, k=3).spec.hidden_dim == 32
    with pytest.raises(ValueError, match="'test-only' is taken"):
        register_encoder(own_name)(lambda request: KmerSpectrum())


def test_another_package_adds_an_encoder_by_an_entry_point(tmp_path: Path) -> None:
    (tmp_path / "third_party.py").write_text(THIRD_PARTY)
    metadata = tmp_path / "third_party-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[genebrain.encoders]\npairs = third_party:Pairs\n")
    code = (
        "import sys\n"
        "from encoders import available_encoders, load_encoder\n"
        "assert 'pairs' in available_encoders()\n"
        "assert 'third_party' not in sys.modules\n"
        "encoder = load_encoder('pairs', rc='average', k=2)\n"
        "assert encoder.embed(['ACGTACGT']).shape == (1, 10)\n"
    )
    subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(tmp_path)}, check=True)


def test_an_average_is_not_averaged_again() -> None:
    encoder = load_encoder("kmer-spectrum", rc="average")
    assert isinstance(encoder, ReverseComplementAverage)
    with pytest.raises(InputError, match="averages both strands already"):
        ReverseComplementAverage(encoder)


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, encoders\n"
        "assert 'numpy' not in sys.modules\n"
        "assert 'kmer-spectrum' in encoders.available_encoders()\n"
        "assert not {'torch', 'transformers', 'pandas', 'sklearn'} & set(sys.modules)\n"
        "assert set(encoders.__all__) <= set(dir(encoders))\n"
        "try:\n"
        "    encoders.nothing\n"
        "except AttributeError:\n"
        "    sys.exit(0)\n"
        "sys.exit(1)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_there_are_configs() -> None:
    assert len(CONFIGS) >= 4


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_names_an_encoder_that_takes_its_settings(path: Path) -> None:
    config = yaml.safe_load(path.read_text())
    assert set(config) <= KEYS
    assert {"name", "encoder"} <= set(config)
    assert len(config["name"]) <= 10
    assert config["encoder"] in available_encoders()
    if config.get("source") is None:
        settings = {key: value for key, value in config.items() if key not in ("name", "encoder", "options")}
        encoder = load_encoder(config["encoder"], **settings, **config.get("options", {}))
        assert encoder.spec.label.startswith("untrained") == (not encoder.spec.trained)


def test_config_names_are_unique() -> None:
    names = [yaml.safe_load(path.read_text())["name"] for path in CONFIGS]
    assert len(set(names)) == len(names)
