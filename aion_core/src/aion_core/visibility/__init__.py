"""The visibility query language: from text to conditions, from conditions to text, and what they mean for a summary.

Event stores that answer queries themselves translate the conditions; everybody else evaluates them with `matches`.
"""

from aion_core.visibility.evaluate import matches
from aion_core.visibility.grammar import parse, parse_condition
from aion_core.visibility.ordering import Position, ordered, position_of
from aion_core.visibility.unparse import unparse
from aion_core.visibility.values import MAX_VALUES

__all__ = ["MAX_VALUES", "Position", "matches", "ordered", "parse", "parse_condition", "position_of", "unparse"]
