"""Helpers are called like functions, and nothing hangs on them."""

import math
import os
import signal
import subprocess
import sys

import pytest

from phcore.errors import Fault
from phcore.export import images
from phcore.export.helpers import helpers

pytestmark = pytest.mark.usefixtures("far_work")


def test_what_is_asked_is_answered_by_another_process():
    with helpers(2) as submit:
        assert [one.result() for one in [submit(math.sqrt, k * k) for k in range(20)]] == list(range(20))
        assert submit(os.getpid).result() != os.getpid()


def test_an_error_is_raised_where_the_result_is_taken():
    with helpers(1) as submit:
        failed = submit(images.export, {}, {}, "gif")
        with pytest.raises(Fault, match="cannot be saved as 'gif'"):
            failed.result()
        assert submit(len, "abc").result() == 3  # and it goes on


def test_what_is_printed_is_no_answer():
    with helpers(1) as submit:
        assert submit(print, "noise").result() is None


def test_without_its_helper_the_work_is_done_here():
    with helpers(1) as submit:
        os.kill(submit(os.getpid).result(), signal.SIGKILL)
        assert submit(math.sqrt, 9).result() == 3


def test_helpers_end_with_the_work():
    with helpers(1) as submit:
        process = submit(os.getpid).result()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_process_that_draws_loads_no_library_of_tables_or_charts():
    code = "import sys, phcore.export.helpers, phcore.export.drawing; print([*sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not [name for name in ("pandas", "altair", "numpy", "pyarrow", "streamlit") if f"'{name}'" in loaded]
