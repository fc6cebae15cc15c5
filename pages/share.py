"""What can be sent? A report, figures and tables, the study itself, and what a paper says of the method."""

import tempfile
from datetime import date
from pathlib import Path

import streamlit as st

from pages.parts import controls, data, frame
from pages.parts.controls import control
from pages.parts.web import WORDS, code, plain
from phcore.export import images
from phcore.export.bundle import Print, bundle
from phcore.export.pack import pack, unpack
from phcore.export.report import Options, bibtex, described, methods_paragraph, render
from phcore.export.report.methods import cited
from phcore.export.results import Results
from phcore.figures.registry import PRINTED
from phcore.formatting import visible

PREVIEW = 720  # pixels of the report's window
_WRITTEN = "share.written"  # the study and the options of the report that is shown


def report(study: Results) -> None:
    """The report's choices, its preview and its file."""
    left, right = st.columns([1.1, 2], gap="large")
    with left:
        title = st.text_input("Title", study.study.name, key="s_title", max_chars=200)
        authors = st.text_input("Authors", key="s_authors", max_chars=400)
        titles = {key: figure.title for key, figure in PRINTED.items()}
        chosen = control(st.multiselect, "s_charts", list(titles), list(titles), format_func=titles.get)
        layer = controls.layer(st, study, "s_layer")
        prompts = control(st.toggle, "s_prompts", True)
        with st.expander("Notes below charts", icon=":material/edit_note:"):
            notes = {key: st.text_area(titles[key], key=f"s_note_{key}", max_chars=2000, height=80) for key in chosen}
    options = Options(
        title=title, authors=authors, date=date.today().isoformat(), charts=tuple(chosen), prompts=prompts, layer=layer,
        notes={key: words for key, words in notes.items() if words.strip()},
    )  # fmt: skip
    with right:
        # Writing one takes some seconds: not at every visit, nor at every letter of the title.
        if st.button("Write the report", type="primary", icon=":material/edit_document:", key="s_write"):
            st.session_state[_WRITTEN] = (study.study.name, options)
        if _WRITTEN not in st.session_state:
            st.caption("One HTML file that opens from disk and asks the network for nothing. Its preview shows here.")
            return
        if st.session_state[_WRITTEN] != (study.study.name, options):
            frame.note("The choices have changed since this report was written.")
            if st.session_state[_WRITTEN][0] != study.study.name:
                return
        options = st.session_state[_WRITTEN][1]
        with data.refusing():
            page = _page(study, options)
            label = f"Download the report ({len(page) / 1e6:.1f} MB)"
            frame.download(st, label, page, f"{study.study.name}.html", "text/html", "s_report")
            st.caption("It opens from disk and asks the network for nothing. Below: a preview.")
            st.iframe(page, height=PREVIEW)


@data.cached(8, spinner="Writing the report…")
def _page(study: Results, options: Options) -> str:
    return render(study, options)


def figures_and_tables(study: Results) -> None:
    st.markdown(WORDS["figures_and_tables"])
    row = st.columns([1.4, 1, 1, 2], vertical_alignment="bottom")
    width = control(row[0].selectbox, "s_width", list(images.WIDTHS), 2)
    points = control(row[1].number_input, "s_points", 5.0, 14.0, images.POINTS, 0.5, format="%.1f")
    layer = controls.layer(row[2], study, "s_figures_layer")
    how = Print(layer, images.WIDTHS[width], points)
    if not st.button("Put the zip together", type="primary", icon=":material/folder_zip:", key="s_bundle"):
        st.caption("This takes some ten seconds.")
        return
    bar = st.progress(0.0, "Drawing…")
    content = bundle(study, how, lambda share: bar.progress(share, "Drawing figures, writing tables…"))
    bar.empty()
    _zip(content, f"{study.study.name}-images.zip", "s_zip")


def _zip(content: bytes, name: str, key: str) -> None:
    label = f"Download ({len(content) / 1e6:.1f} MB)"
    frame.download(st, label, content, name, "application/zip", key, type="primary")


def whole_study(study: Results) -> None:
    st.markdown(WORDS["whole_study"])
    prompts = control(st.toggle, "s_texts", True)
    st.caption(
        "Hidden states stay behind: they are large. "
        + code(f"python -m phcore pack {study.study.name} -o study.zip --with-clouds")
        + " takes them along."
    )
    if st.button("Pack the study", type="primary", icon=":material/package_2:", key="s_pack"):
        with data.refusing():
            with st.spinner("Packing…"), tempfile.TemporaryDirectory() as place:
                content = pack(study, Path(place) / "study.zip", prompts=prompts).path.read_bytes()
            _zip(content, f"{study.study.name}.zip", "s_packed")
    st.divider()
    open_pack()


def open_pack() -> None:
    """A study that somebody sent; a read-only server takes none."""
    if data.read_only():
        return
    st.markdown("**Open a study that was sent to you**")
    file = st.file_uploader("Packed study (zip)", type="zip", key="s_open")
    if file is None or not st.button("Verify and open", key="s_unpack", icon=":material/verified_user:"):
        return
    with data.refusing():
        with st.spinner("Verifying…"):
            done = unpack(file, data.store())
        words = f"{done.name} is in the archive: {done.new} files, all verified."
        st.success(plain(words), icon=":material/check_circle:")


def methods(study: Results) -> None:
    there = [name for name in described() if not data.table(study, name).empty]
    words = methods_paragraph(study.record, there)
    sources = bibtex(cited(study.record, there))
    st.markdown("**For the methods section**")
    st.code(visible(words, lines=True), language=None, wrap_lines=True)
    st.markdown("**BibTeX of what it cites**")
    st.code(sources, language="bibtex")
    left, right, _ = st.columns([1, 1, 3])
    frame.download(left, "Text", words, "methods.txt", "text/plain", "s_methods", width="stretch")
    frame.download(right, "BibTeX", sources, "references.bib", "text/plain", "s_bibtex", width="stretch")


PARTS = {"Report": report, "Figures and tables": figures_and_tables, "The study": whole_study, "Methods": methods}
if data.read_only():
    del PARTS["The study"]  # it would be refused

study = frame.ready_study("share", otherwise=open_pack)
part = control(st.segmented_control, "s_part", list(PARTS), default="Report")
PARTS[part](study)
