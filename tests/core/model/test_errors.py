import re

import pytest

from aion_core.model import errors


def test_every_error_has_a_code_of_its_own():
    codes = [kind.code for kind in errors.all_errors()]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", list(errors.all_errors()), ids=lambda kind: kind.__name__)
def test_every_error_is_drawn_in_the_tree_at_the_top_of_its_file(kind):
    assert re.search(rf"\b{kind.__name__}\b", errors.__doc__)


@pytest.mark.parametrize("kind", list(errors.all_errors()), ids=lambda kind: kind.__name__)
def test_every_error_is_documented_and_has_a_plain_code(kind):
    assert kind.__doc__
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.code)


def test_released_codes_never_change():
    # Scripts and `aion explain` depend on them: add to this list, remove nothing.
    assert {kind.__name__: kind.code for kind in errors.all_errors()}.items() >= {
        "AionError": "aion-error",
        "InvalidInput": "invalid-input",
        "InvalidId": "invalid-id",
        "InvalidTime": "invalid-time",
        "PayloadError": "payload",
        "PayloadTooLarge": "payload-too-large",
        "UnknownAttribute": "unknown-attribute",
        "InvalidAttribute": "invalid-attribute",
        "AttributeConflict": "attribute-conflict",
        "InvalidQuery": "invalid-query",
        "InvalidPackage": "invalid-package",
        "LimitExceeded": "limit-exceeded",
        "ConfigError": "config",
        "PluginError": "plugin",
        "PluginNotFound": "plugin-not-found",
        "PluginLoadError": "plugin-load",
        "PluginConflict": "plugin-conflict",
        "PluginIncompatible": "plugin-incompatible",
        "PluginContractError": "plugin-contract",
        "HistoryError": "history",
        "HistoryTooNew": "history-too-new",
        "HistoryCorrupt": "history-corrupt",
        "RunChainBroken": "run-chain-broken",
        "WorkflowCodeError": "workflow-code",
        "NonDeterministicCall": "non-deterministic-call",
        "NonDeterminism": "non-determinism",
        "ReadOnlyViolation": "read-only",
        "NotInWorkflow": "not-in-workflow",
        "WaitTimeout": "wait-timeout",
        "StoreError": "store",
        "StoreUnavailable": "store-unavailable",
        "StoreRefused": "store-refused",
        "StoreClosed": "store-closed",
        "CursorTooOld": "cursor-too-old",
        "BlobNotFound": "blob-not-found",
        "DuplicateName": "duplicate-name",
        "UnknownWorkflow": "unknown-workflow",
        "NonDeterministicCode": "non-deterministic-code",
        "ActivityError": "activity",
        "ActivityFailed": "activity-failed",
        "ActivityLost": "activity-lost",
        "ActivityTimedOut": "activity-timed-out",
        "EngineClosed": "engine-closed",
        "EngineError": "engine",
        "EngineForked": "engine-forked",
        "Failed": "failed",
        "NotOwner": "not-owner",
        "QueryFailed": "query-failed",
        "QueryTimeout": "query-timeout",
        "RunError": "run",
        "ShuttingDown": "shutting-down",
        "StoreInUse": "store-in-use",
        "UnknownHandler": "unknown-handler",
        "UpdateFailed": "update-failed",
        "UpdateRejected": "update-rejected",
        "WorkflowBlocked": "workflow-blocked",
        "WorkflowCancelled": "workflow-cancelled",
        "WorkflowClosed": "workflow-closed",
        "WorkflowContinuedAsNew": "workflow-continued-as-new",
        "WorkflowError": "workflow",
        "WorkflowFailed": "workflow-failed",
        "WorkflowIdConflict": "workflow-id-conflict",
        "WorkflowNotFound": "workflow-not-found",
        "WorkflowOpen": "workflow-open",
        "WorkflowTerminated": "workflow-terminated",
        "WorkflowTimedOut": "workflow-timed-out",
    }.items()


def test_errors_that_somebody_derives_are_not_in_the_tree():
    class Theirs(errors.StoreError):
        code = "theirs"

    assert Theirs not in set(errors.all_errors())


def test_several_configuration_problems_are_one_error_with_a_line_each():
    error = errors.ConfigError(["a: one", "b: two"], source="aion.toml")
    assert str(error) == "the configuration in aion.toml can not be used, 2 problems:\n  a: one\n  b: two"


def test_a_query_error_points_at_its_column_also_in_a_long_line():
    error = errors.InvalidQuery("x" * 100 + "!" + "y" * 100, 100, "unexpected character")
    line, caret = str(error).splitlines()[1:]
    assert line[caret.index("^")] == "!"
    assert error.column == 101
