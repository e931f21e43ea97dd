"""Plain data: ids, payloads, events, errors, statuses, summaries, schedules. No I/O, no clock, no threads."""
