from __future__ import annotations

import zlib

import pytest

from aion_core.model.errors import PayloadError
from aion_core.spi import CodecContext, Payload, PayloadCodec, PayloadKind, json_payload
from aion_core.spi.codecs import decoded, encoded

CONTEXT = CodecContext(store="s1", workflow_id="order-42", run_id="r", seq=3, kind=PayloadKind.RESULT)


class Deflate(PayloadCodec):
    name = "deflate"

    def encode(self, payload, context):
        return Payload(data=zlib.compress(payload.content))

    def decode(self, payload, context):
        return Payload(data=zlib.decompress(payload.content))


class Sealed(PayloadCodec):
    """Binds the bytes to their place, as encryption does."""

    name = "sealed"

    def encode(self, payload, context):
        return Payload(data=f"{context.workflow_id}:{context.seq}:".encode() + payload.content)

    def decode(self, payload, context):
        place = f"{context.workflow_id}:{context.seq}:".encode()
        if not payload.content.startswith(place):
            raise ValueError("secret bytes of somebody else")
        return Payload(data=payload.content.removeprefix(place))


class Picky(Deflate):
    name = "picky"

    def encode(self, payload, context):
        return payload


CODECS = (Deflate(), Picky(), Sealed())
VALUE = json_payload(b'{"a":1}')


def test_codecs_are_applied_in_order_and_named_in_the_payload():
    stored = encoded(CODECS, VALUE, CONTEXT)
    assert stored.encodings == ("deflate", "sealed")
    assert stored.data == b"order-42:3:" + zlib.compress(b'{"a":1}')
    assert stored.type == "application/json"


def test_decoding_takes_them_off_in_reverse_and_json_is_json_again():
    assert decoded(CODECS, encoded(CODECS, VALUE, CONTEXT), CONTEXT) == VALUE


def test_bytes_of_another_type_keep_it():
    image = Payload(data=b"png", type="image/png")
    assert decoded(CODECS, encoded(CODECS, image, CONTEXT), CONTEXT) == image


def test_a_payload_that_every_codec_leaves_alone_is_the_same_object():
    assert encoded((Picky(),), VALUE, CONTEXT) is VALUE
    assert decoded((), VALUE, CONTEXT) is VALUE


def test_the_codecs_of_the_payload_count_and_not_those_that_are_enabled_today():
    assert decoded([Sealed(), Deflate()], encoded([Deflate()], VALUE, CONTEXT), CONTEXT) == VALUE


def test_a_codec_that_is_gone_is_named_with_those_that_are_here():
    with pytest.raises(PayloadError) as caught:
        decoded([Sealed()], encoded([Deflate()], VALUE, CONTEXT), CONTEXT)
    assert str(caught.value) == (
        "the value was encoded by the codec 'deflate', which is not here (enabled: sealed): enable its plugin again."
    )


def test_a_codec_that_raises_is_named_with_the_place_and_never_with_the_bytes():
    stored = encoded([Sealed()], VALUE, CONTEXT)
    elsewhere = CodecContext(store="s1", workflow_id="order-7", run_id="r", seq=3, kind=PayloadKind.RESULT)
    with pytest.raises(PayloadError) as caught:
        decoded([Sealed()], stored, elsewhere)
    assert str(caught.value) == (
        "the value could not be taken through the codec 'sealed' (the result of 'order-7'): ValueError."
    )
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_payload_error_of_the_codec_itself_is_left_as_it_is():
    class Strict(Deflate):
        def encode(self, payload, context):
            raise PayloadError("is not for this codec")

    with pytest.raises(PayloadError, match=r"^the value is not for this codec\.$"):
        encoded([Strict()], VALUE, CONTEXT)
