"""Code that does what it should not: never yields, floods, returns and raises what can not be written."""

import asyncio
import time
from typing import Any

from tests.engine.programs.gates import gate

import aion_core as aion

ONCE = aion.Retry(max_attempts=1)


class Odd(Exception):
    """Can not be built again from what it holds."""

    def __init__(self, one: int, *, two: int) -> None:
        super().__init__(f"one is {one}, two is {two}")


class Mute(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


class Unwritable:
    pass


def misfortune(kind: str) -> BaseException:
    match kind:
        case "odd":
            return Odd(1, two=2)
        case "mute":
            return Mute()
        case "huge":
            return RuntimeError("x" * 5_000_000)
        case "surrogate":
            return RuntimeError("\ud800 and \x00")
        case "group":
            return ExceptionGroup("several", [ValueError("one"), ExceptionGroup("inner", [TypeError("two")])])
        case "details":
            return aion.ActivityError("what", details=Unwritable(), retryable=False)
        case _:
            error: BaseException = ValueError("link 0")
            for number in range(1, 100):
                following = RuntimeError(f"link {number}")
                following.__cause__ = error
                error = following
            return error


@aion.activity(retry=ONCE)
def raises(kind: str) -> None:
    raise misfortune(kind)


@aion.activity(retry=aion.Retry(initial=0.001))
def returns(kind: str) -> Any:
    gate("returns").note(kind)
    return {"object": Unwritable(), "nan": float("nan"), "huge": "x" * 3_000_000, "set": {1, Unwritable()}}[kind]


@aion.activity
def ok(value: int = 0) -> int:
    return value


@aion.activity
async def exits() -> None:
    raise SystemExit(3)


@aion.workflow
async def catches(kind: str) -> dict[str, Any]:
    try:
        await raises(kind)
    except aion.ActivityFailed as failure:
        return {"type": failure.type, "message": failure.message[:100], "links": len(list(failure.failure.chain()))}
    return {}


@aion.workflow
async def fails(kind: str) -> None:
    raise misfortune(kind)


@aion.workflow
async def gets(kind: str) -> str:
    try:
        await returns(kind)
    except aion.ActivityFailed as failure:
        return failure.type
    return "got it"


@aion.workflow
async def gives(kind: str) -> Any:
    return {"object": Unwritable(), "nan": float("nan"), "huge": "x" * 3_000_000}[kind]


@aion.workflow
async def calls_wrongly(kind: str) -> str:
    try:
        match kind:
            case "too many":
                await ok(1, 2)  # type: ignore[call-arg]
            case "type":
                await ok("seven")  # type: ignore[arg-type]
            case _:
                await ok(Unwritable())  # type: ignore[arg-type]
    except (TypeError, aion.PayloadError, aion.ActivityFailed) as error:
        return type(error).__name__
    return "went on"


@aion.workflow
async def exiting() -> str:
    try:
        await exits.options(retry=ONCE)()
    except aion.ActivityFailed as failure:
        return failure.type
    return "went on"


@aion.workflow
async def never_yields() -> None:
    await aion.receive("go")
    notes = gate("end of the loop").notes
    while not notes:
        pass


@aion.workflow
async def floods(many: int) -> int:
    timers = [asyncio.ensure_future(aion.sleep(3600)) for _ in range(many)]
    await asyncio.sleep(0)
    for timer in timers:
        timer.cancel()
    await asyncio.wait(timers)
    return many


@aion.workflow
async def keeps_flooding(many: int) -> None:
    await asyncio.gather(*(aion.sleep(3600) for _ in range(many)))


@aion.workflow
async def grows() -> None:
    while True:
        aion.set_memo(tick=aion.info().history_length)
        await aion.receive("more")


@aion.workflow
async def recurses() -> None:
    def deeper(level: int) -> int:
        return deeper(level + 1)

    deeper(0)


@aion.workflow
async def leaves_the_process(kind: str) -> str:
    await aion.receive("go")
    try:
        match kind:
            case "thread":
                await asyncio.to_thread(time.monotonic)
            case "file":
                open("/dev/null").close()  # noqa: PTH123
            case _:
                await asyncio.create_subprocess_exec("true")
    except Exception:  # what code catches does not save it
        pass
    return "went on"


@aion.workflow
async def calm(value: int = 1) -> int:
    return await ok(value)


CODE = (
    catches,
    fails,
    gets,
    gives,
    calls_wrongly,
    exiting,
    never_yields,
    floods,
    keeps_flooding,
    grows,
    recurses,
    leaves_the_process,
    calm,
)
