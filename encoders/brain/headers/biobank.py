"""Fields of UK Biobank in every spelling of the header, and which of them are measures of the brain."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

#: Spellings that tell an instance: ``26755-2.0``, ``f.26755.2.0`` and ``X26755.2.0`` (R), ``n_26755_2_0`` (Stata),
#: ``p26755_i2_a0`` (research analysis platform, also behind ``participant.`` or ``participant_``),
#: ``Title | Instance 2 | Array 0``.
_SPELLINGS = (
    re.compile(r"(?P<field>\d+)-(?P<instance>\d+)\.(?P<array>\d+)"),
    re.compile(r"(?:f\.|X)(?P<field>\d+)\.(?P<instance>\d+)\.(?P<array>\d+)"),
    re.compile(r"(?:n|s|ts|x|(?:\w+_)?f)_?(?P<field>\d+)_(?P<instance>\d+)_(?P<array>\d+)"),
    re.compile(r"(?:participant[._])?p(?P<field>\d+)_i(?P<instance>\d+)(?:_a(?P<array>\d+))?", re.IGNORECASE),
    re.compile(r"(?:participant[._])?p(?P<field>\d+)_a(?P<array>\d+)", re.IGNORECASE),
    re.compile(r"participant[._]p(?P<field>\d+)", re.IGNORECASE),
    re.compile(r"(?P<title>[^|]+?) \| Instance (?P<instance>\d+)(?: \| Array (?P<array>\d+))?"),
)
_BARE = re.compile(r"p(?P<field>\d+)")
_IDS = re.compile(r"(?:participant[._]|f\.|n_)?eid|participant id", re.IGNORECASE)
#: Blocks of field ids that hold measures of brain images: ASL, SWI and QSM; T1, diffusion, functional; FreeSurfer.
_IMAGING = (range(24300, 25000), range(25000, 26000), range(26500, 28000), range(31000, 33000))
#: Within them: head size, signal, noise and motion, where the head lay, echo times and intensity scaling.
_FACTS = frozenset({25000, 26521, *range(25731, 25747), *range(25756, 25760), 25780, *range(25921, 25931)})
#: What titles of other fields begin with.
_TITLES = re.compile(
    r"(?:age|sex|year of|month of|date|day of|uk biobank assessment|genetic|genotype|ethnic|body mass|standing height|"
    r"weight|townsend|volumetric scaling|mean (?:rfmri|tfmri) head motion|inverted|scanner|intensity scaling|echo time|"
    r"discrepancy|amount of warping|number of dmri outlier|volume of estimatedtotalintracranial|acquisition)\b.*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Field:
    """One column of the table.

    Attributes
    ----------
    column : str
    field : str
        Number, or the title where the header has titles.
    instance : int or None
        None of a field that is not asked anew at each visit.
    array : int
    """

    column: str
    field: str
    instance: int | None
    array: int

    @property
    def is_imaging(self) -> bool:
        """Whether it holds a measure of a brain image."""
        if not self.field.isdigit():
            return self.instance is not None and _TITLES.fullmatch(self.field) is None
        number = int(self.field)
        return number not in _FACTS and any(number in block for block in _IMAGING)

    @classmethod
    def parse(cls, column: str) -> "Field | None":
        """Field of a column name; None of others.

        Examples
        --------
        >>> from encoders.brain.headers.biobank import Field
        >>> Field.parse("participant.p26755_i2_a1")
        Field(column='participant.p26755_i2_a1', field='26755', instance=2, array=1)
        """
        return next((cls._of(column, m) for form in _SPELLINGS if (m := form.fullmatch(column))), None)

    @classmethod
    def _of(cls, column: str, match: re.Match[str]) -> "Field":
        found = match.groupdict()
        instance = found.get("instance")
        field = found.get("field") or found["title"]
        return cls(column, str(field), None if instance is None else int(instance), int(found.get("array") or 0))


def find_fields(names: Sequence[str]) -> list[Field]:
    """The fields of a UK Biobank table; none of any other table.

    ``x_10_20_30`` and ``p31`` may be names of any features: the first counts where some field has five digits or a
    column is called ``eid``, the second also needs another column that spells out its instance.
    """
    fields = {name: field for name in names if (field := Field.parse(name)) is not None}
    sure = find_eid(names) is not None or any(not f.field.isdigit() or len(f.field) == 5 for f in fields.values())
    if not fields or not sure:
        return []
    bare = {name: Field(name, match["field"], None, 0) for name in names if (match := _BARE.fullmatch(name))}
    both = fields | bare
    return [both[name] for name in names if name in both]


def find_eid(names: Sequence[str]) -> str | None:
    """The column of participants' ids."""
    return next((name for name in names if _IDS.fullmatch(name.strip())), None)
