"""Errors answer what, where, why and what next, and survive a process boundary."""

from governance.errors import ContractFailed, GateRefused, InputError, error_from_dict


def test_an_error_prints_its_four_answers_in_order():
    error = InputError("no file", where="a.csv", why="it is not there", next_step="give a path")
    assert str(error).splitlines() == [
        "error: no file",
        "  where     a.csv",
        "  why       it is not there",
        "  next      give a path",
    ]


def test_an_answer_that_is_missing_leaves_no_empty_line():
    assert str(InputError("no file", next_step="give a path")).count("\n") == 1


def test_a_gate_exits_with_one_and_bad_input_with_two():
    assert GateRefused("no").exit_code == 1
    assert InputError("no").exit_code == 2


def test_a_failed_contract_prints_the_table_of_checks():
    failures = [
        ("user__order_count_28d", ">= 0", 1, "user_id=181 value=-1"),
        ("user__spend_sum_usd_28d", "not null", 12041, "user_id=7"),
    ]
    error = ContractFailed(
        "contract x failed", failures=failures, rows=[("declared", "x.yml:14")], next_step="look"
    )
    assert str(error).splitlines() == [
        "error: contract x failed",
        "  column                   check        bad  sample",
        "  user__order_count_28d    >= 0           1  user_id=181 value=-1",
        "  user__spend_sum_usd_28d  not null  12,041  user_id=7",
        "  declared  x.yml:14",
        "  next      look",
    ]


def test_every_kind_of_error_comes_back_from_its_dict_as_it_was():
    failed = ContractFailed("f", failures=[("c", "k", 3, "s")], rows=[("a", "b")], why="w")
    for error in (failed, InputError("i", where="x"), GateRefused("g", next_step="n")):
        back = error_from_dict(error.as_dict())
        assert type(back) is type(error)
        assert str(back) == str(error)
