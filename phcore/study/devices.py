"""What models run on: how it is asked for, and which of several wishes counts.

It changes no result beyond rounding, so no key holds it. Whether the device is there is for
`phcore.activations.device` to say, which knows torch.
"""

import os
import re

from phcore.errors import Fault

DEVICE = "PHCORE_DEVICE"  # the environment variable; what a command line says is put there
ALL = "cuda:all"  # a model spread over all NVIDIA GPUs, for what does not fit into the memory of one
_SPELLING = re.compile(r"auto|cpu|mps|cuda(:([0-9]{1,3}|all))?")


def spelled(name: object, where: str = "device") -> str:
    """A device's name as it is, if it is one.

    Parameters
    ----------
    where : what to call it in the fault.

    Raises
    ------
    Fault : for any other value.
    """
    if not isinstance(name, str) or _SPELLING.fullmatch(name) is None:
        raise Fault(f"{where} = {name!r} is no device", "Choose one of auto, cpu, cuda, cuda:1, cuda:all, mps")
    return name


def wanted(study: str = "auto") -> str:
    """What the environment asks for, else what the study file does.

    Raises
    ------
    Fault : where the environment names no device.
    """
    named = os.environ.get(DEVICE, "").strip()
    return spelled(named, DEVICE) if named else study
