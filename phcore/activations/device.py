"""Whether the device that is asked for is there."""

import torch

from phcore.errors import Fault
from phcore.study import devices

_MEND = f"Choose another with --device, {devices.DEVICE} or in the study file: cpu or"


def choose(asked: str | None = None) -> torch.device:
    """The device to compute on.

    Parameters
    ----------
    asked : auto, cpu, cuda, cuda:1, cuda:all (the first of them), mps; None is what the environment asks for. auto
        takes the first NVIDIA GPU where there is one. It never takes Apple's (mps), which knows no 64-bit numbers: that
        has to be asked for.

    Raises
    ------
    Fault : where it is no device, or not on this machine.
    """
    name = devices.wanted() if asked is None else devices.spelled(asked)
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return torch.device("cuda:0" if count else "cpu")
    if name == "mps" and not torch.backends.mps.is_available():
        raise Fault("there is no Apple GPU (mps) that PyTorch can use here", f"{_MEND} auto")
    device = torch.device("cuda" if name == devices.ALL else name)
    if device.type != "cuda":
        return device
    if not count:
        raise Fault("there is no NVIDIA GPU (cuda) that PyTorch can use here", f"{_MEND} auto")
    if (device.index or 0) >= count:
        raise Fault(f"there is no {name} here", f"{_MEND} {', '.join(f'cuda:{k}' for k in range(count))}")
    return torch.device("cuda", device.index or 0)


def memory_of(device: torch.device) -> int:
    """Bytes of memory that a GPU has in all, free or not."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    return torch.mps.recommended_max_memory()


def free_memory() -> None:
    """Give back what torch keeps of a GPU's memory for later."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()


def threads() -> int:
    """Those with which a model runs on the CPU: another number of them adds up otherwise, and so rounds otherwise."""
    return torch.get_num_threads()


def use_threads(count: int) -> None:
    """As many as elsewhere, for the thread that calls this."""
    torch.set_num_threads(count)
