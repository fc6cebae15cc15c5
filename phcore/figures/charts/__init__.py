"""What the charts of several figures and pages are made of: tables in, Altair out. They know neither screen nor files.

Selections have the same names everywhere: `bar` in barcodes, `pair` between two, `point` and `area` on the map, `step`
wherever training steps appear.
"""
