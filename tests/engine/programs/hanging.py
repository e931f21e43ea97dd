"""A workflow that hangs in an activity and says so, for processes that are stopped."""

import threading

import aion_core as aion


@aion.activity
def hang() -> None:
    print("the activity hangs", flush=True)  # noqa: T201  # whoever started the process waits for it
    threading.Event().wait()


@aion.workflow
async def hangs() -> None:
    await hang()


def start_it() -> None:
    """For programs that have nobody else who could: a store in memory belongs to one process."""
    with aion.Client.open() as client:
        client.start("hangs", id="h")
