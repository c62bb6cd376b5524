"""Works that a report cites, numbered in the order of first mention, as a list and as BibTeX."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Reference:
    """A work as it is cited.

    Attributes
    ----------
    key : str
        Of its BibTeX entry.
    kind : {"article", "inproceedings", "book"}
    authors : str
        As BibTeX separates them, by ``and``.
    title, venue : str
        The journal, proceedings or publisher.
    year : int
    place : str
        Volume and pages, as printed; empty where there are none.
    doi, other : str
        Its DOI, or another identifier where it has none.
    """

    key: str
    kind: str
    authors: str
    title: str
    venue: str
    year: int
    place: str = ""
    doi: str = ""
    other: str = ""

    @property
    def text(self) -> str:
        """One line of a list of references."""
        names = self.authors.split(" and ")
        shown = names if len(names) <= _ALL_NAMED else [*names[:1], "et al."]
        place = f", {self.place}" if self.place else ""
        end = f" doi:{self.doi}" if self.doi else f" {self.other}" if self.other else ""
        return f"{'; '.join(shown)} ({self.year}). {self.title}. {self.venue}{place}.{end}"

    @property
    def bibtex(self) -> str:
        """Its entry."""
        holder = {"article": "journal", "inproceedings": "booktitle", "book": "publisher"}[self.kind]
        volume, _, pages = self.place.partition(":")
        fields = {
            "author": self.authors,
            "title": f"{{{self.title}}}",
            holder: self.venue,
            "year": str(self.year),
            "volume": volume if pages else "",
            "pages": (pages or self.place).replace("\N{EN DASH}", "--"),
            "doi": self.doi,
            "note": self.other,
        }
        lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items() if value)
        return f"@{self.kind}{{{self.key},\n{lines}\n}}"


_ALL_NAMED = 3

_KNOWN = (
    Reference(
        "hotelling1936", "article", "Hotelling, H.", "Relations between two sets of variates", "Biometrika", 1936,
        "28:321–377", "10.1093/biomet/28.3-4.321",
    ),
    Reference(
        "winkler2020", "article", "Winkler, A. M. and Renaud, O. and Smith, S. M. and Nichols, T. E.",
        "Permutation inference for canonical correlation analysis", "NeuroImage", 2020, "220:117065",
        "10.1016/j.neuroimage.2020.117065",
    ),
    Reference(
        "winkler2015", "article",
        "Winkler, A. M. and Webster, M. A. and Vidaurre, D. and Nichols, T. E. and Smith, S. M.",
        "Multi-level block permutation", "NeuroImage", 2015, "123:253–268", "10.1016/j.neuroimage.2015.05.092",
    ),
    Reference(
        "winkler2016", "article",
        "Winkler, A. M. and Ridgway, G. R. and Douaud, G. and Nichols, T. E. and Smith, S. M.",
        "Faster permutation inference in brain imaging", "NeuroImage", 2016, "141:502–516",
        "10.1016/j.neuroimage.2016.05.068",
    ),
    Reference(
        "knijnenburg2009", "article",
        "Knijnenburg, T. A. and Wessels, L. F. A. and Reinders, M. J. T. and Shmulevich, I.",
        "Fewer permutations, more accurate P-values", "Bioinformatics", 2009, "25:i161–i168",
        "10.1093/bioinformatics/btp211",
    ),
    Reference(
        "theil1965", "article", "Theil, H.", "The analysis of disturbances in regression analysis",
        "Journal of the American Statistical Association", 1965, "60:1067–1079", "10.1080/01621459.1965.10480851",
    ),
    Reference(
        "huh2001", "article", "Huh, M.-H. and Jhun, M.", "Random permutation testing in multiple linear regression",
        "Communications in Statistics – Theory and Methods", 2001, "30:2023–2032", "10.1081/STA-100106060",
    ),
    Reference(
        "westfall1993", "book", "Westfall, P. H. and Young, S. S.",
        "Resampling-Based Multiple Testing: Examples and Methods for p-Value Adjustment", "Wiley", 1993,
        other="ISBN 978-0-471-55761-6",
    ),
    Reference(
        "romano2005", "article", "Romano, J. P. and Wolf, M.",
        "Exact and approximate stepdown methods for multiple hypothesis testing",
        "Journal of the American Statistical Association", 2005, "100:94–108", "10.1198/016214504000000539",
    ),
    Reference(
        "mogstad2024", "article", "Mogstad, M. and Romano, J. P. and Shaikh, A. M. and Wilhelm, D.",
        "Inference for ranks with applications to mobility across neighbourhoods and academic achievement across "
        "countries", "Review of Economic Studies", 2024, "91:476–518", "10.1093/restud/rdad006",
    ),
    Reference(
        "bao2019", "article", "Bao, Z. and Hu, J. and Pan, G. and Zhou, W.",
        "Canonical correlation coefficients of high-dimensional Gaussian vectors: finite rank case",
        "Annals of Statistics", 2019, "47:612–640", "10.1214/18-AOS1704",
    ),
    Reference(
        "helmer2024", "article",
        "Helmer, M. and Warrington, S. and Mohammadi-Nejad, A.-R. and Ji, J. L. and Howell, A. and Rosand, B. and "
        "Anticevic, A. and Sotiropoulos, S. N. and Murray, J. D.",
        "On the stability of canonical correlation analysis and partial least squares with application to "
        "brain-behavior associations", "Communications Biology", 2024, "7:217", "10.1038/s42003-024-05869-4",
    ),
    Reference(
        "ji2021", "article", "Ji, Y. and Zhou, Z. and Liu, H. and Davuluri, R. V.",
        "DNABERT: pre-trained Bidirectional Encoder Representations from Transformers model for DNA-language in genome",
        "Bioinformatics", 2021, "37:2112–2120", "10.1093/bioinformatics/btab083",
    ),
    Reference(
        "zhou2024", "inproceedings",
        "Zhou, Z. and Ji, Y. and Li, W. and Dutta, P. and Davuluri, R. and Liu, H.",
        "DNABERT-2: efficient foundation model and benchmark for multi-species genome",
        "International Conference on Learning Representations", 2024, other="arXiv:2306.15006",
    ),
    Reference(
        "schiff2024", "inproceedings",
        "Schiff, Y. and Kao, C.-H. and Gokaslan, A. and Dao, T. and Gu, A. and Kuleshov, V.",
        "Caduceus: bi-directional equivariant long-range DNA sequence modeling",
        "International Conference on Machine Learning", 2024, other="arXiv:2403.03234",
    ),
    Reference(
        "harris2020", "article", "Harris, C. R. and Millman, K. J. and van der Walt, S. J. and others",
        "Array programming with NumPy", "Nature", 2020, "585:357–362", "10.1038/s41586-020-2649-2",
    ),
    Reference(
        "pedregosa2011", "article", "Pedregosa, F. and Varoquaux, G. and Gramfort, A. and others",
        "Scikit-learn: machine learning in Python", "Journal of Machine Learning Research", 2011, "12:2825–2830",
    ),
    Reference(
        "paszke2019", "inproceedings", "Paszke, A. and Gross, S. and Massa, F. and others",
        "PyTorch: an imperative style, high-performance deep learning library",
        "Advances in Neural Information Processing Systems", 2019, "32:8024–8035",
    ),
)  # fmt: skip

BY_KEY = {one.key: one for one in _KNOWN}


@dataclass
class Citations:
    """Numbers works in the order in which a text mentions them."""

    cited: list[Reference] = field(default_factory=list)

    def __call__(self, *keys: str) -> str:
        """``[1, 3]`` for the works of these keys."""
        for key in keys:
            if BY_KEY[key] not in self.cited:
                self.cited.append(BY_KEY[key])
        numbers = sorted(1 + self.cited.index(BY_KEY[key]) for key in keys)
        return f"[{', '.join(map(str, numbers))}]"
