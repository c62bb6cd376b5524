"""Encoders by name, also those of another package."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from encoders import InputError, available_encoders, load_encoder
from encoders.dna import registry
from encoders.dna.catalog import CARDS, describe_encoders
from encoders.dna.models.kmer_spectrum import KmerSpectrum
from encoders.dna.protocol import SequenceEncoder
from encoders.dna.registry import EncoderRequest, register_encoder
from encoders.dna.reverse_complement import ReverseComplementAverage

CONFIGS = sorted((Path(__file__).resolve().parents[3] / "configs/encoders").glob("*.yaml"))
KEYS = {"name", "encoder", "source", "revision", "rc", "pooling", "layer", "dtype", "options"}

THIRD_PARTY = """
from encoders.dna.models.kmer_spectrum import KmerSpectrum
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
    if config.get("source") is None and config["encoder"] != "evo2":  # which needs its own package
        settings = {key: value for key, value in config.items() if key not in ("name", "encoder", "options")}
        encoder = load_encoder(config["encoder"], **settings, **config.get("options", {}))
        assert encoder.spec.label.startswith("untrained") == (not encoder.spec.trained)


def test_every_encoder_of_this_package_has_a_card_and_a_module() -> None:
    modules = {card.module for card in CARDS.values()}
    assert all(find_spec(f"encoders.dna.models.{module}") is not None for module in modules)
    assert all(card.rc_modes and (card.no_average or "average" in card.rc_modes) for card in CARDS.values())


def test_the_table_says_what_is_known_of_each(own_name: str) -> None:
    lines = describe_encoders(("nucleotide-transformer", "one-hot-dosage", own_name)).splitlines()
    assert lines[0].split() == ["name", "hidden", "size", "rc", "licence", "of", "the", "weights", "source"]
    assert " ".join(lines[1].split()) == "nucleotide-transformer 512 to 2560 forward, average CC-BY-NC-SA-4.0 needed"
    assert " ".join(lines[2].split()) == "one-hot-dosage 4 x window forward not applicable: no weights -"
    assert lines[3].count("of its package") == 4
    assert {describe_encoders(available_encoders()).count(f"\n{name} ") for name in CARDS} == {1}


def test_a_trained_encoder_shows_its_licence(made_checkpoint: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="encoders"):
        load_encoder("dnabert-3", source=str(made_checkpoint))
        load_encoder("kmer-spectrum")
    assert [record.message for record in caplog.records] == [
        f"dnabert-3: the weights of {made_checkpoint} are under this licence: Apache-2.0."
    ]


def test_config_names_are_unique() -> None:
    names = [yaml.safe_load(path.read_text())["name"] for path in CONFIGS]
    assert len(set(names)) == len(names)
