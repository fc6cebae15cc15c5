"""This project and what else there is for the same work, side by side in one run: docs/performance.md."""
