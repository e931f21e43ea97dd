from aion_core.engine.alarms import Alarms


class Thing:
    alarm = 0


def test_alarms_go_off_in_the_order_of_their_times():
    alarms, first, second = Alarms(), Thing(), Thing()
    alarms.set(second, 2.0)
    alarms.set(first, 1.0)
    assert (alarms.next(), list(alarms.due(2.0)), alarms.next()) == (1.0, [first, second], None)


def test_an_alarm_that_was_moved_goes_off_once_and_then():
    alarms, thing = Alarms(), Thing()
    alarms.set(thing, 1.0)
    alarms.set(thing, 3.0)
    assert (len(alarms), alarms.next()) == (1, 3.0)
    assert [list(alarms.due(2.0)), list(alarms.due(3.0)), list(alarms.due(4.0))] == [[], [thing], []]


def test_an_alarm_that_was_taken_back_does_not_go_off():
    alarms, thing = Alarms(), Thing()
    alarms.set(thing, 1.0)
    alarms.clear(thing)
    alarms.clear(thing)
    assert (len(alarms), list(alarms.due(9.0))) == (0, [])


def test_what_was_taken_back_is_not_kept_until_its_time():
    alarms = Alarms()
    kept = Thing()
    alarms.set(kept, 600.0)
    for _ in range(10_000):
        thing = Thing()
        alarms.set(thing, 600.0)
        alarms.clear(thing)
    assert len(alarms._heap) < 2000
    assert list(alarms.due(600.0)) == [kept]
