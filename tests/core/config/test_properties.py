from __future__ import annotations

import contextlib
import tomllib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from aion_core.config import load
from aion_core.config.layers import ARGUMENT, Layers, dotted
from aion_core.config.sections import SECTIONS
from aion_core.model.errors import AionError
from aion_core.plugins import compose

KEYS = st.one_of(
    st.sampled_from([*SECTIONS, "schema", "profiles", "use", "url", "env", "file", "name", "shards", "retry", "rate"]),
    st.text(max_size=5),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.binary(max_size=3),
    st.datetimes(),
    st.sampled_from(["memory", "5s", "5MB", "5/s", "event_store", "str"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)
TABLES = st.dictionaries(st.one_of(KEYS, st.integers()), VALUES, max_size=5)
PLACE = Path("/nonexistent")


@given(config=TABLES)
def test_any_dict_is_read_or_refused_with_an_error_of_ours(config):
    with contextlib.suppress(AionError):
        load(config, compose=compose, environ={}, cwd=PLACE)


@given(st.dictionaries(st.sampled_from(SECTIONS), st.dictionaries(KEYS, VALUES, max_size=3), max_size=4))
def test_any_table_over_the_memory_store_is_read_or_refused_with_an_error_of_ours(config):
    config = {"event_store": {"use": "memory"}, **config}
    with contextlib.suppress(AionError):
        load(config, compose=compose, environ={}, cwd=PLACE)


@given(st.dictionaries(st.text("AB_", min_size=1, max_size=8).map("AION__{}".format), st.text(max_size=12), max_size=4))
def test_any_environment_is_read_or_refused_with_an_error_of_ours(environ):
    with contextlib.suppress(AionError):
        load({}, compose=compose, environ=environ, cwd=PLACE)


@given(st.lists(st.text(min_size=1, max_size=6).filter(lambda part: not part.startswith("[")), min_size=1, max_size=3))
def test_a_path_is_written_as_toml_reads_it(path):
    try:
        expected = tomllib.loads(f"{dotted(tuple(path))} = 1")
    except tomllib.TOMLDecodeError:
        # Python escapes what TOML has no escapes for, such as \\x00: readable, if not TOML.
        assert any(not char.isprintable() or ord(char) > 126 for part in path for char in part)
        return
    for part in path:
        if not part.isprintable() or not part.isascii() or "\\" in part:
            return
        assert list(expected) == [part]
        expected = expected[part]


PLAIN = st.recursive(
    st.integers(), lambda inner: st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3), max_leaves=6
)


@given(st.lists(st.dictionaries(st.sampled_from(["x", "y"]), PLAIN, max_size=2), max_size=4))
def test_the_last_layer_is_always_in_force(tables):
    layers = Layers()
    for table in tables:
        layers.lay(table, ARGUMENT)

    def covers(above, below):
        if not isinstance(above, dict):
            return above == below
        return isinstance(below, dict) and all(covers(value, below[key]) for key, value in above.items())

    assert not tables or covers(tables[-1], layers.table)
