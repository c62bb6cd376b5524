"""Columns that say who was scanned, when, where and how well: told by the words of their names.

A name counts only if all its words are known here: ``age_at_scan`` is an age, ``average_thickness`` and ``FD_ATR``
(fibre density) are features.
"""

import re
from dataclasses import dataclass

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True)
class _Role:
    """What is said of a column, the words of which one must be there, and those that may stand beside it."""

    said: str
    heads: frozenset[str]
    beside: frozenset[str] = frozenset()
    countable: bool = False  # "batch1, batch2, ..." may be numbered features; "qi1" is not


_ANYWHERE = _words(
    "id ids no nr num number n code coded cat category name label type x of at on in the a v s z bl baseline visit "
    "scan mri mr imaging subject participant patient child demo pt study i idx index arm mean avg average info"
)
_ROLES = (
    _Role(
        "an id",
        _words(
            "id ids uid guid uuid rid ptid eid iid fid iids eids subjectkey subjid subjectid imageuid imageid scanid "
            "loniuid lonisid barcode subject subjects participant participants filename file path promoted subid subj"
        ),
        _words("sub src key bids image loni record collection dataset title uniq unique anonymised anonymized"),
    ),
    _Role(
        "an age",
        _words(
            "age ages dob birth birthdate birthyear birthday agemonths ageyears ageyrs ageatscan ageinyears yob ga "
            "pma gestation"
        ),
        _words(
            "y yr yrs year years m mo mos month months d day days w wk wks week weeks squared sq c centered centred "
            "date gestational ga gest interview exam test recruitment enrolment enrollment acquisition group ref "
            "range current first assessment centre center when attended i decade dec"
        ),
    ),
    _Role(
        "a sex",
        _words("sex sexes gender male female ismale isfemale ptgender biosex"),
        _words("m f is genetic self reported assigned birth bio biological kid parent dummy v binary"),
    ),
    _Role(
        "a site or scanner",
        _words(
            "site sites siteid sitenum sitename sitecode center centre centers scanner scanners scannerid institution "
            "institute manufacturer manufacturers vendor magnet coil station batch batches batchid device serial "
            "deviceserialnumber softwareversion fieldstrength magneticfieldstrength fldstreng hospital facility "
            "cohort sequence dataset study protocol institutionname"
        ),
        _words(
            "acq acquisition field strength tesla t software version model serial long l location genotype genotyping "
            "collection data uk biobank assessment recruitment home magnetic address department header upgrade head "
            "channel channels"
        ),
        countable=True,
    ),
    _Role(
        "a time or visit",
        _words(
            "visit visits visitid session sessions sessionid ses wave timepoint timepoints tp event eventname viscode "
            "date dates time times month months week weeks day days year years followup examdate scandate acqdate "
            "delay duration frames nframes framecount pctframes volumes vols nvols trs ntrs tr ntpoints numtrs run "
            "runs window timestamp stamp rundate studydate mridate datetime interval"
        ),
        _words(
            "total good usable remaining kept retained censored uncensored scrubbed bad since from to first last acq "
            "acquisition acquired rest task between elapsed update updated created exam examination sec secs second "
            "seconds min mins minutes ms hour hours follow up point points percent pct perc bold fmri dwi dti t1 pre "
            "post interview redcap processing run release collected taken file report birth repetition echo series of "
            "weekday season bids count"
        ),
        countable=True,
    ),
    _Role(
        "of motion or scan quality",
        _words(
            "fd meanfd fdmean maxfd framewise displacement dvars motion meanmotion maxmotion headmotion rms relrms "
            "absrms snr tsnr cnr efc fber fwhm qi cjv gsr gcor aqi aor euler eulernumber holes surfaceholes defect "
            "defects qc fsqc iqc qa iqm outlier outliers spikes rating quality artifact artifacts artefact artefacts "
            "ghost ghosts usable include included exclude excluded ghosting scrubbing censoring scrubbed censored rot "
            "trans qcscore rotation translation"
        ),
        _words(
            "max median sd std abs absolute rel relative head total percent pct perc overall pass passed fail failed "
            "score flag is rater raters notes anat func bold fmri dwi dti dmri smri rfmri tfmri rest resting task t "
            "t1 t2 w flair pre post lh rh left right power jenkinson jenk mm deg y raw manual auto include included "
            "exclude excluded en surface surf nvols volumes frames frame slices slice nstd vstd derivative out whole "
            "run runs state framewise rms params parameter parameters temporal signal noise per d image comment "
            "comments summary avg gm wm csf foreground background"
        ),
    ),
    _Role(
        "a head size",
        _words("tiv etiv icv eicv intracranial intracranialv cranial intracranialvolume headsize vscaling"),
        _words(
            "vol volume volumes total estimated est e fs cm mm ml cc l spm scs smri aseg asegvol intra inter brain "
            "seg mask to adj adjusted head size scaling asegstats cat"
        ),
    ),
    _Role(
        "clinical or of behaviour",
        _words(
            "dx diagnosis diagnoses handedness education educ edu pteducat race ethnicity ethnic iq fiq viq piq fsiq "
            "bmi height weight mmse moca marital smoking smoker income hispanic adhd group groups status medication "
            "phenotype disease"
        ),
        _words(
            "full scale score scores years level kg cm m change highest verbal performance total wais wasi test "
            "clinical control case yrs parental parent birth circumference head non"
        ),
        countable=True,
    ),
    _Role(
        "a family",
        _words(
            "family families pedigree familyid twin twins zygosity mother father sibling siblings household zygositysr"
        ),
        _words("rel status sr gt pair mz dz"),
    ),
)
_VOCABULARY = _ANYWHERE.union(*(role.heads | role.beside for role in _ROLES))
#: Names that no rule of words catches (letters and digits alone, lower case).
_EXACT = {
    **dict.fromkeys(("x", "index", "unnamed", "embeddingdim", "sourcemodel", "layer"), "of the file, not of the brain"),
    **dict.fromkeys(("subinsmp", "sub"), "an id"),
    **dict.fromkeys(("ptgender", "mf", "fm"), "a sex"),
    **dict.fromkeys(("ageatmprage",), "an age"),
    **dict.fromkeys(("viscode2", "session1", "eyestatusatscan", "scannumber", "scanno"), "a time or visit"),
    **dict.fromkeys(("avgen", "lhen", "rhen", "funcquality", "dummytrs", "visualqc"), "of motion or scan quality"),
    **dict.fromkeys(("magneticfieldstrength", "fieldstrength"), "a site or scanner"),
    **dict.fromkeys(("te", "echotime", "flipangle", "voxelsize", "slicethickness"), "a setting of the scanner"),
    **dict.fromkeys(
        ("headsize", "headsizescaling", "nwbv", "asf", "tbv", "totalbrainvolume", "totalbrainvol"), "a head size"
    ),
    **dict.fromkeys(("apoe4", "apoe", "dxgroup", "hand", "ehi", "casecontrol"), "clinical or of behaviour"),
}
#: Words that tell whatever stands beside them.
_TELLING = {
    **dict.fromkeys(_words("meanmotion maxmotion framewise subthreshnvols dvars euler"), "of motion or scan quality"),
    **dict.fromkeys(_words("ntpoints numtrs eventname viscode examdate visitid"), "a time or visit"),
    **dict.fromkeys(_words("deviceserialnumber softwareversion manufacturersmn"), "a site or scanner"),
}
#: Questionnaires and tests, by the first word of their columns.
_INSTRUMENTS = _words(
    "ados adi srs scq aq vineland wisc wais wasi cbcl nihtbx ravlt adas cdr cdrsb ecog updrs bdi phq dsm panss faq"
)
_LAST_WORDS_OF_IDS = frozenset({"id", "ids", "uid", "uuid", "guid"})


def role_of(name: str) -> str | None:
    """What a column is by its name, if it is no feature.

    Examples
    --------
    >>> from encoders.brain.headers.roles import role_of
    >>> role_of("siteID"), role_of("num_good_frames"), role_of("lh_insula_thickness"), role_of("FD_ATR")
    ('a site or scanner', 'a time or visit', None, None)
    """
    whole = re.sub(r"[^a-z0-9]", "", name.lower())
    if whole in _EXACT:
        return _EXACT[whole]
    words = [word.lower() for word in _WORDS.findall(name)]
    told = None
    if whole in _VOCABULARY or all(word in _VOCABULARY or word.isdigit() for word in words):
        told = next((role.said for role in _ROLES if whole in role.heads or _is(role, words)), None)
    told = told or next((_TELLING[word] for word in words if word in _TELLING), None)
    if told is None and words and words[0] in _INSTRUMENTS:
        return "clinical or of behaviour"
    return "an id" if told is None and words and words[-1] in _LAST_WORDS_OF_IDS else told


def _is(role: _Role, words: list[str]) -> bool:
    if not any(word in role.heads for word in words):
        return False
    if role.countable and len(words) == 2 and words[1].isdigit():
        return False
    return all(word in role.heads or word in role.beside or word in _ANYWHERE or word.isdigit() for word in words)
