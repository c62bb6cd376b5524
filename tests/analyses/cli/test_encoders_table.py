"""`genebrain encoders`: one line for each encoder, under a heading."""

from typer.testing import CliRunner

from analyses.cli.app import app
from encoders import available_encoders


def test_every_encoder_has_its_line() -> None:
    result = CliRunner().invoke(app, ["encoders"])
    heading, *lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert heading.startswith("name ")
    assert [line.split()[0] for line in lines] == list(available_encoders())
