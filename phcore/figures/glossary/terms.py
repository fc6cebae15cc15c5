"""The words of the field, for somebody who has never met them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """One entry.

    Attributes
    ----------
    name : the term.
    words : one sentence, or two.
    picture : its name: the file `pictures/NAME.svg` beside this one.
    page : where in the app to see it; "" for everywhere.
    """

    name: str
    words: str
    picture: str
    page: str = ""


@dataclass(frozen=True)
class Group:
    """Terms that belong together, under a heading."""

    name: str
    terms: tuple[Term, ...]


GROUPS: tuple[Group, ...] = (
    Group(
        "What is measured",
        (
            Term(
                "Cloud",
                "One point per prompt: the model's hidden state, hundreds of numbers that it holds at one layer after "
                "reading the prompt. The distance between two points says how differently it represents two prompts.",
                "cloud",
            ),
            Term(
                "Checkpoint, step, series, objective",
                "A checkpoint is the model as saved at one training step; step 0 is the base. The checkpoints of one "
                "fine-tuning run are a series, and what it is trained towards is its objective.",
                "checkpoints",
                "Study",
            ),
            Term(
                "Subsample",
                "A part of the prompts, drawn at random once and then used at every checkpoint. Many of them show how "
                "much a result depends on the choice of prompts.",
                "subsample",
                "Barcodes",
            ),
            Term(
                "Scale: raw or median",
                "Raw distances grow with the size of the cloud. Divided by the median distance between its points, "
                "size drops out and only shape is left.",
                "scale",
                "Barcodes",
            ),
        ),
    ),
    Group(
        "The shape at one distance",
        (
            Term(
                "Vietoris-Rips complex",
                "At a chosen distance, points at most that far apart are joined, and any three that are all joined are "
                "filled in (larger groups likewise). As the distance grows from zero, shapes appear and vanish.",
                "complex_at",
            ),
            Term(
                "Component (H0)",
                "A group of points connected by a chain of edges. At distance zero every point is its own component; "
                "as the distance grows, components merge until one is left.",
                "components",
                "Barcodes",
            ),
            Term(
                "Loop (H1)",
                "A closed chain of edges around a hole that no filled triangles close. "
                "Loops appear as edges join up, and vanish when the hole is filled.",
                "loop",
                "Barcodes",
            ),
            Term(
                "Betti numbers",
                "How many features there are at one distance: the number of components and the number of independent "
                "loops, that is, how many bars cross that distance.",
                "betti",
            ),
        ),
    ),
    Group(
        "The shape at all distances",
        (
            Term(
                "Bar: birth, death, persistence",
                "The life of one feature: it appears at the distance called birth and is gone at the distance called "
                "death. Death minus birth is its persistence; short bars are often noise.",
                "bar",
                "Barcodes",
            ),
            Term(
                "Barcode",
                "All bars of a cloud above each other: components (H0) start at zero, loops (H1) later. "
                "One component never ends, because all points are joined at last.",
                "barcode",
                "Barcodes",
            ),
            Term(
                "Persistence diagram",
                "The same bars as points: birth to the right, death upwards. The higher a point lies above the "
                "diagonal, the longer its bar.",
                "diagram",
                "Barcodes",
            ),
            Term(
                "Representative loop",
                "A closed chain of edges that is born together with an H1 bar and shows where it lies. "
                "It is one such chain, not the only one.",
                "representative",
            ),
        ),
    ),
    Group(
        "How the shape changes",
        (
            Term(
                "Summary",
                "Forty-one numbers that describe both diagrams of a cloud: how many bars, how long, how even. "
                "They make clouds easy to compare, but keep only part of the shape.",
                "summary",
                "Trajectories",
            ),
            Term(
                "Path",
                "The checkpoints of a series, placed on a plane by their summaries and joined in order of training. "
                "Points close together have similar summaries.",
                "path",
                "Trajectories",
            ),
            Term(
                "Wasserstein distance",
                "How far one diagram is from another: the least total cost of moving the points of one onto those of "
                "the other. Points may also vanish into the diagonal or come out of it.",
                "matched",
                "Trajectories",
            ),
            Term(
                "Topological velocity",
                "How much the shape changed from one checkpoint to the next: the Wasserstein distance between their "
                "diagrams, as a mean over subsamples.",
                "velocity",
                "Trajectories",
            ),
            Term(
                "Resampling floor",
                "How far apart the diagrams of two different samples of prompts are at the same checkpoint. A velocity "
                "inside this band cannot be told from the effect of choosing other prompts.",
                "floor",
                "Trajectories",
            ),
            Term(
                "Concentration",
                "The share of all velocity that falls into the first third of a series of checkpoints. With even "
                "velocity it is about a third; far more means that most change comes early.",
                "concentration",
                "Trajectories",
            ),
        ),
    ),
    Group(
        "Can it be believed?",
        (
            Term(
                "Null and p-value",
                "A null is what a number would be if nothing were there, for example with the checkpoints in random "
                "order. The p-value is the share of such cases in which it is at least as large.",
                "null",
                "Evidence",
            ),
            Term(
                "Gaussian control",
                "A cloud of pure noise with the same mean and covariance as the real one. What its bars do as well has "
                "nothing to do with shape.",
                "gaussian",
                "Evidence",
            ),
            Term(
                "Effect size",
                "How far two objectives differ in a number, in units of its spread over subsamples: Hedges' g. "
                "It says how much, not whether another training run would show it again.",
                "effect",
                "Evidence",
            ),
        ),
    ),
)

TERMS: tuple[Term, ...] = tuple(term for group in GROUPS for term in group.terms)
