"""The public surface is what these lists say. Adding to it is a decision; removing from it breaks programs."""

import importlib
import inspect
import subprocess
import sys
from importlib.metadata import version

import pytest

import aion_core
from aion_core.model import errors

PUBLIC = {
    "aion_core": """
        AionError AttributeConflict AttributeSchema AttributeType AttributeValue BlobNotFound ConfigError CursorTooOld
        Duration HistoryCorrupt HistoryError HistoryTooNew InvalidAttribute InvalidId InvalidInput InvalidPackage
        InvalidQuery InvalidTime LimitExceeded PayloadError PayloadTooLarge PluginConflict PluginContractError
        PluginError PluginIncompatible PluginLoadError PluginNotFound RunChainBroken Status StoreClosed StoreError
        StoreRefused StoreUnavailable Summary UnknownAttribute __version__
        DuplicateName UnknownWorkflow NonDeterministicCode
        ActivityError
        ActivityFailed ActivityLost ActivityTimedOut EngineClosed EngineError EngineForked
        Failed NotOwner QueryFailed QueryTimeout RunError ShuttingDown StoreInUse
        UnknownHandler UpdateFailed UpdateRejected
        WorkflowBlocked WorkflowCancelled WorkflowClosed WorkflowContinuedAsNew
        WorkflowError WorkflowFailed WorkflowIdConflict
        WorkflowNotFound WorkflowOpen WorkflowTerminated WorkflowTimedOut
        NonDeterminism NonDeterministicCall NotInActivity NotInWorkflow ReadOnlyViolation WaitTimeout WorkflowCodeError
        AsyncClient AsyncEngine AsyncRun Client Description Engine Event FeedEntry Health History PendingActivity Run
        Activity ActivityHandle AsyncActivity SyncActivity activity ActivityInfo CompleteLater activity_info
        cancelled heartbeat heartbeat_details await_ Outcome Winner map race settle wait_until Info log Query query
        now patched random rng side_effect uuid4 Resource resource Retry Signal receive signal Timer sleep
        sleep_until timer info set_attributes set_memo Bound Workflow workflow
    """,
    "aion_core.spi": """
        AtLeast AtMost Rate Seconds Secret Size
        Activated Activation ActivationResult ActivityDone ActivityTask AionError Among And Answer AnyCommand
        AnyEvent AppendResult Ask AskKind AttributeType AttributeValue Batch Between BlobKey BlobNotFound Call
        Capability CodeSource CodecContext Command Commit CommitLimits Committed Comparison Condition Conflict
        Contains ContinueAsNew Cursor CursorTooOld EMPTY EngineId EngineInfo ErrorClass Event EventStore Failure
        FeedEntry Fence Fenced Field Handle Lane
        HandleQuery HandleSignal HandleUpdate Instant Interceptor InvalidPackage
        IsNull Lease LeaseTable LoadedPackage Loader LoaderHost Message MessageId MessageKind Micros
        NEWEST_FIRST NeedHistory Not Observer OpId Operator Or Order Outcome OutcomeKey OutcomeKind
        PackageRecord Page PageToken Payload PayloadCodec PayloadKind Platform Posted Query Register Route
        RunActivity RunEntry RunId RunWorkflow RunningEngine Runtime RuntimeHealth RuntimeHost SYSTEM
        ScheduleActivity SendQuery SendSignal SendUpdate Settled Shard SignalWorkflow StartChild StartWorkflow
        StartsWith Status Store StoreClosed StoreError StoreHealth StoreRefused StoreUnavailable Summary TaskId Ticket
        TicketLost TimeoutKind Unknown Version VisibilityStore Wake WorkflowCall WorkflowId WorkflowState
        Backup Damage Migration Restored StoreFacts Upkeep
        WorkerSettings as_datetime check_commits check_count check_limit check_package check_shards check_ttl
        hookimpl instant json_payload shard_of
    """,
    "aion_core.worker": "Attempt Bodies Driver Resources Values",
}


@pytest.mark.parametrize("module", PUBLIC)
def test_the_public_names_of_a_module_are_the_listed_ones(module):
    assert sorted(importlib.import_module(module).__all__) == sorted(PUBLIC[module].split())


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_exists_and_is_documented(module):
    surface = importlib.import_module(module)
    for name in surface.__all__:
        thing = getattr(surface, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert inspect.getdoc(thing), f"{module}.{name} has no docstring"


def test_every_error_is_public():
    assert {kind.__name__ for kind in errors.all_errors()} <= set(aion_core.__all__)


def test_the_version_is_that_of_the_distribution():
    assert aion_core.__version__ == version("aion-durable-core")


def test_importing_the_core_loads_nothing_heavy():
    program = "import aion_core, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"sqlalchemy", "boto3", "rich", "click", "stevedore", "pluggy", "cattrs", "hypothesis", "pytest", "asyncio"}
    assert heavy.isdisjoint(loaded)
