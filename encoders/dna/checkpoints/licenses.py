"""Licences of weights: shown when they are loaded, and acknowledged by the user where they forbid commercial use."""

import logging

from encoders.dna.catalog import NON_COMMERCIAL
from encoders.errors import InputError

AT_SOURCE = "as stated at the source"

_LOG = logging.getLogger(__name__)


def check_acceptance(accepted: str | None, *, license_name: str, source: str) -> None:
    """Refuse weights whose licence the user has not named.

    Raises
    ------
    InputError
        The option ``accept_license`` does not name the licence.
    """
    if accepted is None or accepted.casefold() != license_name.casefold():
        raise InputError(
            f"The weights of {source} are under {license_name}, which forbids commercial use; "
            f"{'nothing' if accepted is None else repr(accepted)} was accepted. Read the licence and, if your use is "
            f"within it, set the option accept_license: {license_name.lower()}."
        )


def show_license(label: str, license_name: str, source: str | None) -> None:
    """Log the licence of weights that were loaded; as a warning where it forbids commercial use."""
    level = logging.WARNING if license_name.startswith(NON_COMMERCIAL) else logging.INFO
    _LOG.log(level, "%s: the weights of %s are under this licence: %s.", label, source, license_name)
