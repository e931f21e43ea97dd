"""The checks that every event store makes before it touches anything."""

from __future__ import annotations

from collections.abc import Sequence

from aion_core.model.errors import StoreRefused
from aion_core.spi.records import Commit, CommitLimits


def check_commits(commits: Sequence[Commit], limits: CommitLimits) -> None:
    """Raise `StoreRefused` for a call of `append` that contradicts itself or breaks the limits."""
    if len(commits) > limits.call_commits:
        raise StoreRefused(f"{len(commits)} commits in one call; {limits.call_commits} are allowed.")
    if len({commit.workflow_id for commit in commits}) < len(commits):
        raise StoreRefused("two commits of one workflow in one call: the second can not know the first one's fate.")
    for commit in commits:
        if problem := contradiction(commit, limits):
            raise StoreRefused(f"the commit of {commit.workflow_id!r} {problem}.")
    size = sum(map(commit_size, commits))
    if len(commits) > 1 and size > limits.call_bytes:
        raise StoreRefused(f"{len(commits)} commits of {size:,} bytes in one call; {limits.call_bytes:,} are allowed.")


def check_limit(limit: int) -> None:
    """Refuse a page that could hold nothing: whoever pages on would never come to an end."""
    if limit < 1:
        raise StoreRefused(f"a page of {limit} items was asked for; ask for at least 1.")


def commit_size(commit: Commit) -> int:
    """The bytes of a commit that `CommitLimits` bounds."""
    return (len(commit.batch.body) if commit.batch else 0) + sum(map(len, commit.blobs)) + len(commit.state.open)


def contradiction(commit: Commit, limits: CommitLimits) -> str | None:
    """What is wrong with a commit that no store may accept, as the rest of a sentence."""
    batch = commit.batch
    if batch and batch.first_seq != commit.expected_seq + 1:
        return f"expects {commit.expected_seq} events and begins with event {batch.first_seq}: there must be no gap"
    if batch and (batch.last_seq < batch.first_seq or not batch.body):
        return "has an empty batch: leave it out"
    if commit.head == 0:
        return "has no events and no history to add to"
    if commit.blobs and not batch:
        return "has blobs and no events that could refer to them"
    if commit.state.workflow_id != commit.workflow_id or commit.state.summary.id != commit.workflow_id:
        return f"has the state of {commit.state.workflow_id!r}"
    if commit.state.head != commit.head:
        return f"leads to event {commit.head}, and its state says {commit.state.head}"
    size = commit_size(commit)
    if size > limits.commit_bytes:
        return f"takes {size:,} bytes; {limits.commit_bytes:,} are allowed"
    if len(commit.outcomes) > limits.commit_outcomes or len(commit.posts) > limits.commit_posts:
        return f"settles {len(commit.outcomes)} messages and posts {len(commit.posts)}: more than one commit may"
    if any(outcome.workflow_id != commit.workflow_id for outcome in commit.outcomes):
        return "settles a message of another workflow"
    return None
