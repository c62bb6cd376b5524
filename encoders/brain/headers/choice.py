"""Which columns of a brain table are features: those asked for, without facts that no pattern is about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from encoders.brain.headers.biobank import find_fields
from encoders.brain.headers.cohorts import find_cohort
from encoders.brain.headers.roles import role_of

EVERYTHING = ("*",)
SHOWN = 12


@dataclass(frozen=True)
class ColumnChoice:
    """What was chosen among the columns that patterns select.

    Attributes
    ----------
    taken : list of str
        Features, in the order of the table.
    left_out : dict of str to str
        Columns that are no features, and what each is.
    asked_for : dict of str to str
        Features that look like facts and were asked for, and what each looks like.
    """

    taken: list[str]
    left_out: dict[str, str]
    asked_for: dict[str, str]


def find_facts(names: Sequence[str]) -> dict[str, str]:
    """Columns that are ids, ages, sites, visits, motion and the like by name, and what each is.

    Parameters
    ----------
    names : sequence of str
        The whole header: it tells whose table this is.

    Examples
    --------
    >>> from encoders.brain.headers.choice import find_facts
    >>> find_facts(["participant.eid", "participant.p21003_i2", "participant.p26755_i2"])
    {'participant.eid': 'an id', 'participant.p21003_i2': 'no measure of a brain image (UK Biobank)'}
    """
    cohort = find_cohort(names)
    of_cohort = {} if cohort is None else cohort.facts
    fields = {field.column: field.is_imaging for field in find_fields(names)}
    facts = {}
    for name in names:
        if name in fields:
            said = None if fields[name] else "no measure of a brain image (UK Biobank)"
        else:
            said = of_cohort.get(name) or role_of(name)
        if said is not None:
            facts[name] = said
    return facts


def choose_columns(selected: Sequence[str], facts: Mapping[str, str], include: Sequence[str]) -> ColumnChoice:
    """Set facts aside, but for those that ``include`` is about.

    A pattern asks for facts where all that it matches are facts (``age``, ``anat_*``); one that also matches features
    (``s*``) does not.

    Parameters
    ----------
    selected : sequence of str
        Columns that the patterns select.
    facts : mapping of str to str
        As `find_facts` gives them.
    include : sequence of str
        The patterns.

    Examples
    --------
    >>> from encoders.brain.headers.choice import choose_columns
    >>> choose_columns(["site", "surface", "age"], {"site": "a site", "age": "an age"}, ["s*", "age"])
    ColumnChoice(taken=['surface', 'age'], left_out={'site': 'a site'}, asked_for={'age': 'an age'})
    """
    asked: set[str] = set()
    for pattern in include if tuple(include) != EVERYTHING else ():
        matched = {name for name in selected if fnmatchcase(name, pattern)}
        asked |= matched if matched <= set(facts) else set()
    left_out = {name: facts[name] for name in selected if name in facts and name not in asked}
    return ColumnChoice(
        taken=[name for name in selected if name not in left_out],
        left_out=left_out,
        asked_for={name: facts[name] for name in selected if name in asked},
    )


def describe_facts(facts: Mapping[str, str]) -> str:
    """Columns by what they are, in words.

    Examples
    --------
    >>> from encoders.brain.headers.choice import describe_facts
    >>> describe_facts({"siteID": "a site or scanner", "age": "an age", "site": "a site or scanner"})
    'siteID, site (a site or scanner), age (an age)'
    """
    by_said: dict[str, list[str]] = {}
    for name, said in facts.items():
        by_said.setdefault(said, []).append(name)
    return ", ".join(f"{list_names(names)} ({said})" for said, names in by_said.items())


def describe_asked(choice: ColumnChoice) -> list[str]:
    """A sentence on facts that were taken, since asked for; none where there are none."""
    return [f"Taken as features, since asked for: {describe_facts(choice.asked_for)}."] if choice.asked_for else []


def list_names(names: Sequence[str], *, shown: int = SHOWN) -> str:
    """The first few, and how many more there are."""
    first = ", ".join(names[:shown])
    return first if len(names) <= shown else f"{first} and {len(names) - shown:,} more"
