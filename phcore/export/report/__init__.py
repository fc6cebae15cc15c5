"""A study as one HTML file that opens from disk: findings, interactive charts, tables, methods, glossary."""

from phcore.export.report.html import Options, render
from phcore.export.report.methods import described, methods_paragraph
from phcore.export.report.sources import bibtex

__all__ = ["Options", "bibtex", "described", "methods_paragraph", "render"]
