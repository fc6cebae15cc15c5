"""Charts: tables in, Altair charts out. They know neither the screen nor files.

Every chart takes its question and answer (title and subtitle), computes the answer where it is not given,
and names its selections: `bar` in barcodes, `pair` between two, `point` and `area` on the map, `step` wherever
training steps appear.
"""
