"""What the engine in the other process runs."""

import aion_core as aion


@aion.workflow
async def desk(visitor: str) -> str:
    said: list[str] = []

    @aion.query
    def notes(prefix: str = "") -> list[str]:
        return [note for note in said if note.startswith(prefix)]

    while True:
        word = await aion.receive("say", str)
        said.append(word)
        aion.set_memo(last=word)
        if word == "bye":
            return f"{visitor} said {len(said)}"
        if word == "boom":
            raise aion.WorkflowError("a vase fell", type="Accident")
