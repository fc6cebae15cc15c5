"""What errors of other libraries say: the line that tells, and whether it is a verdict about the files."""

import re

from safetensors import SafetensorError

from phcore.errors import Fault, Unusable

# What transformers and PEFT say where the files themselves do not fit; any other error may pass (memory, a disk).
MISFIT = ("size mismatch", "mismatched_sizes", "target modules")
_TELLS = re.compile(r"size mismatch|missing key|unexpected key|not found|no module named|not supported|must be", re.I)
_SHAPE = re.compile(r"torch\.Size\(\[([\d, ]*)\]\)")
_NO_CLASS = re.compile(r"Unrecognized configuration class <class '[\w.]*\.(\w+)Config'>")
_NO_TYPE = re.compile(r"model type `([^`]*)` but Transformers does not recognize")
LONGEST = 240


def telling_line(error: BaseException) -> str:
    """What an error says, short enough for a sentence: of several lines the one that names the fault.

    PyTorch's errors begin with a headline ("Error(s) in loading state_dict for ...:"), and what is wrong stands below.
    """
    if found := _NO_CLASS.search(str(error)):
        return f"it has no causal language model for the type {found[1]}"
    if found := _NO_TYPE.search(str(error)):
        return f"it does not know the model type {found[1]}"
    lines = [" ".join(line.split()) for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    headline = lines[0].endswith(":") and len(lines) > 1
    told = [line for line in lines if _TELLS.search(line)]
    line = (told or lines[headline:])[0] if headline or len(lines) > 1 else lines[0]
    line = _SHAPE.sub(lambda found: found[1].replace(", ", " x ") or "a scalar", line).rstrip(".: ")
    more = sum("size mismatch" in one for one in told) - 1
    return line[:LONGEST] + (f", and {more} more" if more > 0 else "")


def kind_of(error: Exception) -> type[Fault]:
    """Unusable where an error of transformers or PEFT is a verdict about the files, Fault where it may pass."""
    misfit = isinstance(error, (RuntimeError, ValueError)) and any(one in str(error).lower() for one in MISFIT)
    return Unusable if misfit or isinstance(error, SafetensorError) else Fault


def mend_of(error: BaseException, usual: str) -> str:
    """What to do about an error of another library: `usual` where nothing better is known."""
    words = str(error).lower()
    if isinstance(error, MemoryError) or "out of memory" in words or "can't allocate memory" in words:
        return "Close other programs, or use a smaller number format, another device or a smaller model"
    if isinstance(error, ImportError):
        return "Install that package into the environment of Toposcope"
    if _NO_CLASS.search(str(error)):
        return "Pick a model that says the next token of a text"
    if _NO_TYPE.search(str(error)):
        return "Update transformers, where a newer one knows it"
    if isinstance(error, OSError) and error.errno:
        return "Check the disk and its permissions"
    if "device" in words and "cuda" in words:
        return "Check the device, or choose another with --device"
    return usual
