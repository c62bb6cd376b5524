"""Tables of known cohorts by their headers: ADNI, ABCD and HCP, whose ids, visits and scan facts have fixed names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

CohortName = Literal["ADNI", "ABCD", "HCP"]


@dataclass(frozen=True)
class Cohort:
    """Whose table it is.

    Attributes
    ----------
    name : str
    id_column : str
        Column of subject ids, as the header spells it.
    session_column : str or None
        Column that tells visits of a subject apart.
    facts : dict of str to str
        Columns that are no features, and what they are, beyond those whose names tell it in any table.
    """

    name: CohortName
    id_column: str
    session_column: str | None
    facts: dict[str, str]


#: ADNIMERGE and the tables of FreeSurfer at UCSF (compared without case).
_ADNI_FACTS = {
    **dict.fromkeys(("colprot", "origprot", "fsversion", "version", "status"), "of the protocol"),
    **dict.fromkeys(("m", "month", "month_bl", "years_bl", "runtime"), "a time or visit"),
    **dict.fromkeys(
        ("ptethcat", "ptraccat", "ptmarry", "faq", "ldeltotal", "digitscor", "trabscor", "mpacctrailsb", "mpaccdigit"),
        "clinical or of behaviour",
    ),
    **dict.fromkeys(("fdg", "pib", "av45", "fbb", "abeta", "tau", "ptau"), "a marker that is no measure of this scan"),
    **dict.fromkeys(
        ("overallqc", "tempqc", "frontqc", "parqc", "insulaqc", "occqc", "bgqc", "cwmqc", "ventqc", "lhipqc", "rhipqc"),
        "of motion or scan quality",
    ),
    "wholebrain": "a whole-brain measure",
    "st10cv": "a head size",
}
_ADNI_BASELINE = re.compile(r".+_bl", re.IGNORECASE)
_ADNI_TESTS = re.compile(r"(?:adas|ravlt|ecog|cdr|mpacc|moca|mmse)\w*", re.IGNORECASE)
#: Prefixes and endings of ABCD's instruments that describe the child or the scan.
_ABCD_FACTS = (
    (r"(?:demo|genetic|ksads|cbcl|nihtbx|reshist|anthro)_.+", "clinical or of behaviour"),
    (r"rel_(?:family|group|relationship).*", "a family"),
    (r"(?:mri_info|mrif|collection|dataset)_.+|promoted_subjid|study_cohort_name", "a site or scanner"),
    (r"(?:imgincl|iqc|fsqc|mriqcrp|apqc|dmriqc)_.+|.+_(?:qc|include)", "of motion or scan quality"),
    (r".+_(?:mean_?(?:motion|trans|rot)|max_?motion|dof|nvols|tr|n?scans?|numscans?)", "of motion or scan quality"),
    (r".+_intracranialv|.+_wholeb", "a head size"),
)
#: Columns of the HCP's tables that hold measures of the brain.
_HCP_FEATURE = re.compile(r"FS_\w+")
_HCP_WHOLE = re.compile(
    r"FS_(?:Inter|Intra)Cranial_Vol|FS_BrainSeg_Vol\w*|FS_(?:[LR]|Tot|Total|SubCort|TotCort|LCort|RCort)_?(?:GM|WM)_Vol|"
    r"FS_SupraTentorial_Vol|FS_Mask_Vol|FS_OptCh_Vol_to_eTIV"
)


def find_cohort(names: Sequence[str]) -> Cohort | None:
    """Tell from a header whose table it is; None of others.

    Examples
    --------
    >>> from encoders.brain.headers.cohorts import find_cohort
    >>> find_cohort(["RID", "PTID", "VISCODE", "Hippocampus", "CDRSB"]).facts
    {'CDRSB': 'clinical or of behaviour'}
    """
    by_lower = {name.lower(): name for name in reversed(names)}
    if "rid" in by_lower and {"viscode", "viscode2", "colprot", "examdate", "imageuid"} & set(by_lower):
        visit = next((by_lower[key] for key in ("viscode2", "viscode", "examdate") if key in by_lower), None)
        return Cohort("ADNI", by_lower.get("ptid", by_lower["rid"]), visit, _adni_facts(names))
    if {"src_subject_id", "subjectkey"} & set(by_lower) and {"eventname", "interview_age"} & set(by_lower):
        facts = {name: said for name in names for form, said in _ABCD_FACTS if re.fullmatch(form, name.lower())}
        subject = by_lower.get("src_subject_id", by_lower.get("subjectkey", ""))
        return Cohort("ABCD", subject, by_lower.get("eventname"), facts)
    measures = [name for name in names if _HCP_FEATURE.fullmatch(name)]
    if "Subject" in names and {"Release", "Acquisition", "Gender", "ZygositySR"} & set(names) and len(measures) > 1:
        return Cohort("HCP", "Subject", None, _hcp_facts(names))
    return None


def _adni_facts(names: Sequence[str]) -> dict[str, str]:
    facts = {}
    for name in names:
        if (said := _ADNI_FACTS.get(name.lower())) is not None:
            facts[name] = said
        elif _ADNI_TESTS.fullmatch(name):
            facts[name] = "clinical or of behaviour"
        elif _ADNI_BASELINE.fullmatch(name):
            facts[name] = "a value at baseline, repeated in each row"
    return facts


def _hcp_facts(names: Sequence[str]) -> dict[str, str]:
    facts = {name: "no measure of FreeSurfer" for name in names if not _HCP_FEATURE.fullmatch(name)}
    return facts | {name: "a whole-brain measure" for name in names if _HCP_WHOLE.fullmatch(name)}
