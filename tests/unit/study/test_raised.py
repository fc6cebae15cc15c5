import pytest

from phcore import Fault
from phcore.archive.store import Store
from phcore.study import raised
from phcore.study.kept import folder_of


def test_alarms_are_kept_in_order_and_a_broken_line_hides_no_other(tmp_path):
    store = Store(tmp_path)
    assert raised.read("mine", store) == []
    first = raised.Raised("helpful", 8, "jump", "The loops moved far.")
    raised.add([first], "mine", store)
    with open(folder_of("mine", store) / raised.FILE, "ab") as file:
        file.write(b'{"series": "helpful", "step": "eight"}\n\xff\n{"series"')
        file.write(b"\n")
    second = raised.Raised("harmless", 12, "stable", "Settled.")
    raised.add([second], "mine", store)
    assert raised.read("mine", store) == [first, second]


def test_what_a_kill_cut_takes_no_alarm_with_it_and_the_list_is_its_owners(tmp_path):
    store, alarm = Store(tmp_path), raised.Raised("helpful", 8, "jump", "Far.")
    raised.add([alarm], "mine", store)
    file = folder_of("mine", store) / raised.FILE
    assert file.stat().st_mode & 0o077 == 0
    file.write_bytes(file.read_bytes() + b'{"series": "help')
    raised.add([alarm], "mine", store)
    assert raised.read("mine", store) == [alarm, alarm]


def test_a_disk_that_refuses_is_a_sentence(tmp_path):
    store = Store(tmp_path)
    (folder_of("mine", store) / raised.FILE).mkdir(parents=True)
    with pytest.raises(Fault, match="cannot be written"):
        raised.add([raised.Raised("helpful", 8, "jump", "Far.")], "mine", store)
