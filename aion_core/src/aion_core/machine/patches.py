"""The answers of `patched`: one per change and run, the same in every replay."""

from __future__ import annotations


class Patches:
    """What the history holds, and what the code was told."""

    __slots__ = ("_answers", "_here", "_seen")

    def __init__(self) -> None:
        """Nothing was asked."""
        self._answers: dict[str, bool] = {}
        self._here: set[str] = set()
        self._seen: set[str] = set()

    def recorded(self, change_id: str) -> None:
        """The history holds its marker, among what the next drain issued."""
        self._here.add(change_id)
        self._seen.add(change_id)

    def ask(self, change_id: str, *, replaying: bool) -> tuple[bool, bool]:
        """The answer, and whether a marker is to be issued with it.

        Live code that asks first takes the new way. In a replay the marker decides; one of an earlier drain, in which
        the code no longer asks, is not issued again.
        """
        if change_id in self._answers:
            return self._answers[change_id], False
        answer = not replaying or change_id in self._seen
        self._answers[change_id] = answer
        return answer, answer and (not replaying or change_id in self._here)

    def drained(self) -> None:
        """What was recorded of the drain that is over is in the past."""
        self._here.clear()
