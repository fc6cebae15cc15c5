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
