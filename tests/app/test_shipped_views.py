"""The saved views that ship: each opens the page it was saved on, with every choice that its link holds."""

import html
from urllib.parse import parse_qs

import pytest

from phcore.archive.shipped import LIST
from phcore.archive.store import Store
from phcore.study.saved_views import views
from tests.app.conftest import ROOT, charts, moving
from tests.protocol import as_shown

STUDIES = ("smollm2-135m-instruct", "tiny-instruct", "tiny-pretrained")
EVERY = [(study, one) for study in STUDIES for one in views(study, Store(ROOT / "cache"))]


@pytest.mark.parametrize("study", STUDIES)
def test_three_views_ship_with_each_study(study):
    assert len([one for name, one in EVERY if name == study]) == 3
    listed = (ROOT / "cache" / LIST).read_text(encoding="utf-8").split()
    assert f"studies/{study}/views.json" in listed


@pytest.mark.parametrize(("study", "view"), EVERY, ids=lambda one: getattr(one, "name", one))
def test_a_view_opens_what_it_holds(start, study, view):
    query = parse_qs(view.query, keep_blank_values=True)
    assert query["study"] == [study]
    app = start(ROOT / "cache", view.page, **{key: tuple(values) for key, values in query.items()})
    assert not app.warning  # nothing of the link is missing here
    assert charts(app) + moving(app)
    assert all(key in app.session_state for key in query if key != "v")  # each choice has its control on the page
    doors = {as_shown(one.label): one for one in app.button if str(one.key).startswith("view_open_")}
    assert not doors[view.name].disabled
    assert view.note in html.unescape("".join(one.proto.body for one in app.get("html")))
