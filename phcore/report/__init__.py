"""A study as one HTML file that opens from disk: findings, interactive charts, tables, methods, glossary."""

from phcore.report.charts import FIGURES
from phcore.report.html import Options, render
from phcore.report.methods import bibtex, methods_paragraph

__all__ = ["FIGURES", "Options", "bibtex", "methods_paragraph", "render"]
