"""The list of all attacks, in the order of the table."""

from scripts.torture.changing import changing
from scripts.torture.clocks import clocks
from scripts.torture.company import company
from scripts.torture.damage import damage
from scripts.torture.deleting import deleting
from scripts.torture.disk import disk
from scripts.torture.finetuning import finetuning
from scripts.torture.fuzzing import fuzzing
from scripts.torture.kills import kills, workers
from scripts.torture.machine import machine
from scripts.torture.network import network
from scripts.torture.visitors import visitors

ATTACKS = {
    "kills": kills,
    "workers": workers,
    "company": company,
    "disk": disk,
    "deleting": deleting,
    "changing": changing,
    "clocks": clocks,
    "damage": damage,
    "fuzzing": fuzzing,
    "machine": machine,
    "finetuning": finetuning,
    "network": network,
    "visitors": visitors,
}
