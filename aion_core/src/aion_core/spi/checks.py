"""The checks that every event store makes before it touches anything."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from aion_core.model.errors import StoreRefused
from aion_core.model.ids import Shard
from aion_core.spi.records import Commit, CommitLimits

_LONGEST_LEASE: Final = 365 * 24 * 3600.0


def check_commits(commits: Sequence[Commit], limits: CommitLimits) -> None:
    """Raise `StoreRefused` for a call of `append` that contradicts itself or breaks the limits."""
    if len(commits) > limits.call_commits:
        raise StoreRefused(f"{len(commits)} commits in one call; {limits.call_commits} are allowed.")
    if len({commit.workflow_id for commit in commits}) < len(commits):
        raise StoreRefused("two commits of one workflow in one call: the second can not know the first one's fate.")
    whole = 0
    for commit in commits:
        whole += (size := commit_size(commit))
        if problem := contradiction(commit, limits, size):
            raise StoreRefused(f"the commit of {commit.workflow_id!r} {problem}.")
    if len(commits) > 1 and whole > limits.call_bytes:
        raise StoreRefused(f"{len(commits)} commits of {whole:,} bytes in one call; {limits.call_bytes:,} are allowed.")


def check_limit(limit: int) -> None:
    """Refuse a page that could hold nothing: whoever pages on would never come to an end."""
    if limit < 1:
        raise StoreRefused(f"a page of {limit} items was asked for; ask for at least 1.")


def check_count(limit: int | None) -> None:
    """Refuse to count up to less than nothing."""
    if limit is not None and limit < 0:
        raise StoreRefused(f"counting was limited to {limit}; a limit is at least 0.")


def check_shards(shards: Collection[Shard], most: int) -> None:
    """Refuse shards that a store of so many does not have."""
    if unknown := [shard for shard in shards if not 0 <= shard < most]:
        raise StoreRefused(f"there is no shard {unknown[0]} in this store of {most}.")


def check_ttl(ttl: float) -> None:
    """Refuse a lease that is over at once, or that outlives everybody's patience."""
    if not 0 < ttl < _LONGEST_LEASE:
        raise StoreRefused(f"a lease of {ttl} seconds was asked for; it lasts more than 0 and less than a year.")


def commit_size(commit: Commit) -> int:
    """The bytes of a commit that `CommitLimits` bounds."""
    batch, blobs = commit.batch, commit.blobs
    return (len(batch.body) if batch else 0) + (sum(map(len, blobs)) if blobs else 0) + len(commit.state.open)


def contradiction(commit: Commit, limits: CommitLimits, size: int) -> str | None:
    """What is wrong with a commit of this size that no store may accept, as the rest of a sentence."""
    batch, state, head = commit.batch, commit.state, commit.head
    if batch and batch.first_seq != commit.expected_seq + 1:
        return f"expects {commit.expected_seq} events and begins with event {batch.first_seq}: there must be no gap"
    if batch and (batch.last_seq < batch.first_seq or not batch.body):
        return "has an empty batch: leave it out"
    if head == 0:
        return "has no events and no history to add to"
    if commit.blobs and not batch:
        return "has blobs and no events that could refer to them"
    if state.workflow_id != commit.workflow_id or state.summary.id != commit.workflow_id:
        return f"has the state of {state.workflow_id!r}"
    if state.head != head:
        return f"leads to event {head}, and its state says {state.head}"
    if size > limits.commit_bytes:
        return f"takes {size:,} bytes; {limits.commit_bytes:,} are allowed"
    if len(commit.outcomes) > limits.commit_outcomes or len(commit.posts) > limits.commit_posts:
        return f"settles {len(commit.outcomes)} messages and posts {len(commit.posts)}: more than one commit may"
    if commit.outcomes and any(outcome.workflow_id != commit.workflow_id for outcome in commit.outcomes):
        return "settles a message of another workflow"
    return None
