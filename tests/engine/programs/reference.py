"""Small workflows, for what the reference promises of starting, ending, recovering and asking."""

import aion_core as aion

WEEK = 7 * 24 * 3600


@aion.activity
def charge(order: str) -> str:
    return f"receipt-{order}"


@aion.workflow
async def quick(order: str) -> str:
    return f"{order} is done"


@aion.workflow
async def failing(order: str) -> None:
    raise ValueError(f"{order} is out of stock")


@aion.workflow
async def waiting() -> str:
    return await aion.receive("end", str)


@aion.workflow
async def following(order: str) -> list[str]:
    """Answers from its first instruction on."""
    words: list[str] = []

    @aion.query
    def heard() -> list[str]:
        return words

    @aion.query
    def name() -> str:
        return order

    @aion.query
    def broken() -> None:
        raise ValueError("no answer")

    @aion.query
    def meddling() -> None:
        aion.set_memo(asked=True)

    while (word := await aion.receive("word", str)) != "end":
        words.append(await charge(word))
    return words


@aion.workflow
async def registering_again() -> None:
    for number in range(3):

        @aion.query
        def which() -> int:
            return number  # noqa: B023  # each one answers while its own loop waits

        await aion.receive("next")


CODE = [quick, failing, waiting, following, registering_again]
