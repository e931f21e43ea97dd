import sys
import types

import pytest

from aion_core.authoring.activities import activity
from aion_core.authoring.workflows import workflow
from aion_core.engine.catalog import Catalog
from aion_core.model.errors import DuplicateName, UnknownWorkflow


@workflow
async def checkout(order: str) -> str:
    return order


@workflow(timeout=60)
async def refund(order: str) -> str:
    return order


@activity
def charge(order: str) -> str:
    return order


def named(name, fn):
    return workflow(name=name)(fn)


def test_functions_modules_and_dotted_names_are_taken():
    here = __name__
    for given in ([checkout, refund, charge], [sys.modules[here]], [here], [f"{here}.checkout", f"{here}.refund"]):
        assert Catalog(given).types == ("checkout", "refund")


def test_the_same_function_may_be_given_twice():
    assert Catalog([checkout, sys.modules[__name__]]).types == ("checkout", "refund")


def test_two_workflows_of_one_name_are_refused_naming_both_places():
    async def other(order: str) -> str:
        return order

    with pytest.raises(DuplicateName, match=r"two workflows are called 'checkout': .*test_catalog.py:\d+ and .*:\d+"):
        Catalog([checkout, named("checkout", other)])


def test_two_activities_of_one_name_are_refused():
    with pytest.raises(DuplicateName, match="two activities are called 'charge'"):
        Catalog(activities=[charge, activity(name="charge")(lambda order: order)])


def test_one_method_of_two_instances_is_refused():
    class Shop:
        @activity
        def capture(self) -> None: ...

    with pytest.raises(DuplicateName, match="capture"):
        Catalog(activities=[Shop().capture, Shop().capture])


def test_a_plain_function_is_refused_saying_what_to_do():
    with pytest.raises(TypeError, match=r"plain is neither a workflow nor an activity: decorate it"):
        Catalog([plain])


def plain():
    """No workflow."""


def test_a_name_that_can_not_be_imported_says_so():
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        Catalog(["no_such_module.checkout"])


def test_an_unknown_type_names_those_that_are_known():
    with pytest.raises(UnknownWorkflow, match="checkout"):
        Catalog([checkout]).options("chekout", None)


def test_another_version_than_the_environments_is_unknown():
    catalog = Catalog([refund])
    assert catalog.options("refund", catalog.version).timeout == 60_000_000
    with pytest.raises(UnknownWorkflow):
        catalog.options("refund", "0" * 64)


def test_a_run_that_began_with_other_code_gets_todays():
    assert Catalog([checkout]).workflow("checkout", "env:old") is checkout


def test_an_activity_that_code_has_called_is_known_from_then_on():
    catalog = Catalog([checkout])
    assert not catalog.knows_activity("charge")
    with pytest.raises(LookupError, match=r"hand it to Engine\.open"):
        catalog.activity("charge", catalog.version)
    catalog.note(charge)
    assert catalog.knows_activity("charge")
    assert catalog.activity("charge", catalog.version) is charge


def test_the_version_is_the_source_of_the_modules():
    assert Catalog([checkout, refund]).version == Catalog([refund, checkout]).version
    assert Catalog([checkout]).version != Catalog([checkout, refund]).version
    assert Catalog([checkout]).version.startswith("env:")


def test_code_without_a_source_has_the_version_of_its_instructions():
    def made(text):
        module = types.ModuleType("typed_in")
        sys.modules["typed_in"] = module
        exec(f"async def job():\n    return {text}", vars(module))  # as typed into an interpreter
        return Catalog([workflow(module.job)]).version

    assert made("1") == made("1") != made("2")
