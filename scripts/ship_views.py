"""Save the views that ship with the studies: each page is opened as a visitor would, and kept with all its choices.

    python scripts/ship_views.py [ARCHIVE]

What a view is called has to be what it shows: `tests/app/test_shipped_views.py` opens each.
"""

import os
import sys
from pathlib import Path
from unittest import mock
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

VIEWS = {
    "smollm2-135m-instruct": [
        ("Harmless pulls the prompts together", "overview", {"o_layer": "18"},
         "At layer 18 the prompts end 31 % closer together after harmless training; helpful leaves them as far apart "
         "as they were. Press Play."),
        ("The longest loop after harmless training", "barcodes",
         {"b_series": "harmless", "b_step": "128", "b_layer": "18", "b_bar": "H1 loop 1"},
         "The bar that lasts longest, the prompts that make it, and where they lie on the map."),
        ("Most of the change comes early", "evidence", {"e_section": "Early?", "e_layer": "18"},
         "The first quarter of the training steps holds 68 % of the change; an even course would give 25 %."),
    ],
    "tiny-instruct": [
        ("Helpful draws the prompts together, harmless spreads them", "overview", {"o_layer": "2"},
         "At layer 2: 18 % closer after helpful training, 12 % further apart after harmless."),
        ("Most of the change comes early", "evidence", {"e_section": "Early?", "e_layer": "2"},
         "The first quarter of the steps holds 55 % of the change; an even course would give 25 %."),
        ("Beside the same model before it learned to talk", "compare", {"p_with": "tiny-pretrained"},
         "The second study starts from the model that has read stories alone."),
    ],
    "tiny-pretrained": [
        ("Every objective spreads the prompts", "overview", {"o_layer": "2"},
         "At layer 2 the prompts end about half as far again from each other, whatever the model was trained towards."),
        ("Here the change comes evenly", "evidence", {"e_section": "Early?", "e_layer": "2"},
         "The first quarter of the steps holds 29 % of the change, hardly more than an even course gives."),
        ("How fast each objective moves", "trajectories", {"t_layer": "2", "t_per": "step"},
         "The distance between neighbouring checkpoints, for each training step between them."),
    ],
}  # fmt: skip
SAVED = "2026-11-27T12:00:00+00:00"


def state_of(page: str, study: str, choices: dict[str, str]) -> str:
    """What "Save this view" keeps of a page with these choices."""
    from streamlit.testing.v1 import AppTest

    from pages.parts import links, toolbar

    app = AppTest.from_file(str(ROOT / "pages" / "shell.py"), default_timeout=300)
    for key, value in {"study": study, **choices}.items():
        app.query_params[key] = value
    app.switch_page(str(ROOT / "pages" / f"{page}.py"))
    kept = []

    def keep(study: str, page: str) -> None:
        kept.append(urlencode(links.state(), doseq=True))

    with mock.patch.object(toolbar, "_save", keep):
        app.run()
    assert not app.exception, app.exception
    return kept[-1]


def ship(archive: Path) -> None:
    from ship_study import enlist

    from phcore.archive.store import Store
    from phcore.study.kept import folder_of
    from phcore.study.saved_views import View, save

    store = Store(archive)
    for study, wanted in VIEWS.items():
        views = [View(name, page, state_of(page, study, own), note, SAVED) for name, page, own, note in wanted]
        file = folder_of(study, store) / "views.json"
        file.unlink(missing_ok=True)
        for view in reversed(views):  # the last that is saved stands first
            save(view, study, store)
        enlist(store, [file])


if __name__ == "__main__":
    place = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / "cache"
    os.environ["PHCORE_CACHE"] = str(place)
    ship(place)
