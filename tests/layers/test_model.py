"""What a model draws at every step."""

import numpy as np
import pytest

from einprop.errors import InputError
from einprop.layers import Dropout, Tanh

MODEL = Dropout(0.5).with_axes(2).model


def test_noise_has_the_shapes_and_the_dtype_asked_for(rng) -> None:
    drawn = MODEL.draw_noise({"x": (40, 3), "mask": (40, 3)}, rng, np.float32)
    assert list(drawn) == ["mask"]
    assert drawn["mask"].shape == (40, 3)
    assert drawn["mask"].dtype == np.float32
    assert set(drawn["mask"].ravel()) == {0, 1}


def test_nothing_is_drawn_without_a_generator_or_a_shape(rng) -> None:
    with pytest.raises(InputError) as caught:
        MODEL.draw_noise({"mask": (4, 3)}, None)
    assert str(caught.value) == (
        "the model draws mask, and there is no generator\npass rng=numpy.random.default_rng(0)"
    )
    with pytest.raises(InputError) as caught:
        MODEL.draw_noise({"x": (4, 3)}, rng)
    assert str(caught.value) == "the shape of mask does not follow from the other inputs"


def test_a_model_without_noise_needs_no_generator() -> None:
    assert Tanh().model.draw_noise({}, None) == {}
