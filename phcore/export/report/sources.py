"""The literature that the methods rest on, as short citations and as BibTeX."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """One work.

    Attributes
    ----------
    kind : its BibTeX type.
    short : as it is cited in a text: names and year.
    fields : of its BibTeX entry, in LaTeX, in their order.
    """

    kind: str
    short: str
    fields: dict[str, str]

    @property
    def address(self) -> str:
        """Where to find it; "" where it has no DOI or arXiv number."""
        if "doi" in self.fields:
            return f"https://doi.org/{self.fields['doi']}"
        return f"https://arxiv.org/abs/{self.fields['eprint']}" if "eprint" in self.fields else ""

    @property
    def words(self) -> str:
        """Title and where it appeared, in plain text."""
        title, *rest = (self.fields.get(name, "") for name in ("title", "journal", "booktitle", "publisher"))
        where = next(filter(None, rest), f"arXiv:{self.fields.get('eprint', '')}")
        place = " ".join(filter(None, [where, self.fields.get("volume", "")]))
        pages = self.fields.get("pages", "").replace("--", "–")
        return plain_text(f"{title}. {place}{', ' + pages if pages else ''}.")


def plain_text(latex: str) -> str:
    """LaTeX of a BibTeX field as text: the few codes that titles and journals here use."""
    for code, letter in {r"\&": "&", "--": "–", "{": "", "}": ""}.items():
        latex = latex.replace(code, letter)
    return latex


SOURCES = {
    "malhotra2026tracking": Source("inproceedings", "Malhotra et al. 2026", {
        "author": "Malhotra, Naman and Ambadkar, Jay and Gupta, Abhinav and Kasivel, Kushal and Schwarz, Abbas and "
        "Ferry, Kamillo and Monod, Anthea",
        "title": "Tracking Representation Dynamics in Large Language Models with Persistent Homology",
        "booktitle": "Topology, Algebra, and Geometry in Data Science (TAG-DS), PMLR", "volume": "334",
        "pages": "211--245", "year": "2026", "eprint": "2606.19542", "archivePrefix": "arXiv",
    }),
    "fay2026shape": Source("inproceedings", "Fay et al. 2026", {
        "author": r"Fay, Aideen and Garc{\'i}a-Redondo, In{\'e}s and Wang, Qiquan and Dubossarsky, Haim and "
        "Monod, Anthea",
        "title": "The Shape of Adversarial Influence: Characterizing {LLM} Latent Spaces with Persistent Homology",
        "booktitle": "International Conference on Learning Representations (ICLR)", "year": "2026",
        "eprint": "2505.20435", "archivePrefix": "arXiv",
    }),
    "kapulkin2026redzed": Source("misc", "Kapulkin and Kershaw 2026", {
        "author": "Kapulkin, Chris and Kershaw, Nathan",
        "title": "{RedZeD}: Computing persistent homology by Reduction to Zero Differentials", "year": "2026",
        "eprint": "2606.06310", "archivePrefix": "arXiv",
    }),
    "bauer2021ripser": Source("article", "Bauer 2021", {
        "author": "Bauer, Ulrich",
        "title": "Ripser: efficient computation of {Vietoris--Rips} persistence barcodes",
        "journal": "Journal of Applied and Computational Topology", "volume": "5", "pages": "391--423",
        "year": "2021", "doi": "10.1007/s41468-021-00071-5",
    }),
    "tralie2018ripser": Source("article", "Tralie et al. 2018", {
        "author": "Tralie, Christopher and Saul, Nathaniel and Bar-On, Rann",
        "title": "Ripser.py: A Lean Persistent Homology Library for {Python}",
        "journal": "Journal of Open Source Software", "volume": "3", "number": "29", "pages": "925", "year": "2018",
        "doi": "10.21105/joss.00925",
    }),
    "cohensteiner2007stability": Source("article", "Cohen-Steiner et al. 2007", {
        "author": "Cohen-Steiner, David and Edelsbrunner, Herbert and Harer, John",
        "title": "Stability of Persistence Diagrams", "journal": "Discrete {\\&} Computational Geometry",
        "volume": "37", "pages": "103--120", "year": "2007", "doi": "10.1007/s00454-006-1276-5",
    }),
    "romano2020permutation": Source(
        "misc",
        "Romano and Tirlea 2020",
        {
            "author": "Romano, Joseph P. and Tirlea, Marius A.",
            "title": "Permutation Testing for Dependence in Time Series",
            "year": "2020",
            "eprint": "2009.03170",
            "archivePrefix": "arXiv",
        },
    ),
    "westfall1993resampling": Source("book", "Westfall and Young 1993", {
        "author": "Westfall, Peter H. and Young, S. Stanley",
        "title": "Resampling-Based Multiple Testing", "publisher": "Wiley", "year": "1993",
    }),
    "benjamini1995controlling": Source("article", "Benjamini and Hochberg 1995", {
        "author": "Benjamini, Yoav and Hochberg, Yosef",
        "title": "Controlling the False Discovery Rate: A Practical and Powerful Approach to Multiple Testing",
        "journal": "Journal of the Royal Statistical Society: Series B", "volume": "57", "pages": "289--300",
        "year": "1995", "doi": "10.1111/j.2517-6161.1995.tb02031.x",
    }),
    "hoeffding1948class": Source("article", "Hoeffding 1948", {
        "author": "Hoeffding, Wassily", "title": "A Class of Statistics with Asymptotically Normal Distribution",
        "journal": "The Annals of Mathematical Statistics", "volume": "19", "pages": "293--325", "year": "1948",
        "doi": "10.1214/aoms/1177730196",
    }),
    "szekely2013energy": Source("article", "Székely and Rizzo 2013", {
        "author": r"Sz{\'e}kely, G{\'a}bor J. and Rizzo, Maria L.",
        "title": "Energy statistics: A class of statistics based on distances",
        "journal": "Journal of Statistical Planning and Inference", "volume": "143", "pages": "1249--1272",
        "year": "2013", "doi": "10.1016/j.jspi.2013.03.018",
    }),
    "hedges1981distribution": Source("article", "Hedges 1981", {
        "author": "Hedges, Larry V.",
        "title": "Distribution Theory for {Glass's} Estimator of Effect Size and Related Estimators",
        "journal": "Journal of Educational Statistics", "volume": "6", "pages": "107--128", "year": "1981",
        "doi": "10.3102/10769986006002107",
    }),
    "cliff1993dominance": Source("article", "Cliff 1993", {
        "author": "Cliff, Norman", "title": "Dominance statistics: Ordinal analyses to answer ordinal questions",
        "journal": "Psychological Bulletin", "volume": "114", "pages": "494--509", "year": "1993",
        "doi": "10.1037/0033-2909.114.3.494",
    }),
    "anderson2001new": Source("article", "Anderson 2001", {
        "author": "Anderson, Marti J.",
        "title": "A new method for non-parametric multivariate analysis of variance",
        "journal": "Austral Ecology", "volume": "26", "pages": "32--46", "year": "2001",
        "doi": "10.1111/j.1442-9993.2001.01070.pp.x",
    }),
    "lin1991divergence": Source("article", "Lin 1991", {
        "author": "Lin, Jianhua", "title": "Divergence measures based on the {Shannon} entropy",
        "journal": "IEEE Transactions on Information Theory", "volume": "37", "pages": "145--151", "year": "1991",
        "doi": "10.1109/18.61115",
    }),
    "roy2007effective": Source("inproceedings", "Roy and Vetterli 2007", {
        "author": "Roy, Olivier and Vetterli, Martin",
        "title": "The effective rank: A measure of effective dimensionality",
        "booktitle": "European Signal Processing Conference (EUSIPCO)", "pages": "606--610", "year": "2007",
    }),
    "facco2017estimating": Source("article", "Facco et al. 2017", {
        "author": "Facco, Elena and d'Errico, Maria and Rodriguez, Alex and Laio, Alessandro",
        "title": "Estimating the intrinsic dimension of datasets by a minimal neighborhood information",
        "journal": "Scientific Reports", "volume": "7", "pages": "12140", "year": "2017",
        "doi": "10.1038/s41598-017-11873-y",
    }),
    "kornblith2019similarity": Source("inproceedings", "Kornblith et al. 2019", {
        "author": "Kornblith, Simon and Norouzi, Mohammad and Lee, Honglak and Hinton, Geoffrey",
        "title": "Similarity of Neural Network Representations Revisited",
        "booktitle": "International Conference on Machine Learning (ICML)", "year": "2019", "eprint": "1905.00414",
        "archivePrefix": "arXiv",
    }),
    "politis1992circular": Source("incollection", "Politis and Romano 1992", {
        "author": "Politis, Dimitris N. and Romano, Joseph P.",
        "title": "A circular block-resampling procedure for stationary data",
        "booktitle": "Exploring the Limits of Bootstrap", "publisher": "Wiley", "pages": "263--270", "year": "1992",
    }),
    "hoerl1970ridge": Source("article", "Hoerl and Kennard 1970", {
        "author": "Hoerl, Arthur E. and Kennard, Robert W.",
        "title": "Ridge Regression: Biased Estimation for Nonorthogonal Problems", "journal": "Technometrics",
        "volume": "12", "pages": "55--67", "year": "1970", "doi": "10.1080/00401706.1970.10488634",
    }),
}  # fmt: skip


def bibtex(keys: Iterable[str] = SOURCES) -> str:
    """BibTeX of these sources (default: all), in their order."""
    return "\n\n".join(_entry(key, SOURCES[key]) for key in keys)


def _entry(key: str, source: Source) -> str:
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in source.fields.items())
    return f"@{source.kind}{{{key},\n{lines}}}"
