"""The list of all attacks, in the order of the table."""

from scripts.torture.fuzzing import fuzzing
from scripts.torture.kills import kills, workers

ATTACKS = {
    "kills": kills,
    "workers": workers,
    "fuzzing": fuzzing,
}
