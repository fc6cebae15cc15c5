"""A clock that jumps a day forward or back at any time: on PYTHONPATH, Python imports this first."""

import random
import time

DAY = 86_400.0
_time, _time_ns, _dice = time.time, time.time_ns, random.Random()


def _jumped() -> float:
    return _dice.choice((-DAY, 0.0, 0.0, DAY))


time.time = lambda: _time() + _jumped()
time.time_ns = lambda: _time_ns() + int(_jumped() * 1e9)
