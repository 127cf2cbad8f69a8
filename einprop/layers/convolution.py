"""Convolutions over sequences, images and volumes: one kernel slides over all places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from einprop.errors import InputError
from einprop.layers import init
from einprop.layers.init import Initializer
from einprop.layers.layer import Layer
from einprop.layers.options import integer, padding_of, per_axis
from einprop.layers.windows import OFFSETS, POSITIONS, Windows
from einprop.options import flag

__all__ = ["Conv1d", "Conv2d", "Conv3d"]

Option = int | tuple[int, ...]


class _Convolution(Layer):
    """What convolutions over one, two and three axes have in common."""

    axes_slid: ClassVar[int]
    filters: int
    kernel: Option
    stride: Option
    padding: Option | str
    dilation: Option
    groups: int
    bias: bool

    def __init__(
        self,
        filters: int,
        *,
        kernel: Option,
        stride: Option = 1,
        padding: Option | str = 0,
        dilation: Option = 1,
        groups: int = 1,
        bias: bool = True,
        **initial: Initializer,
    ) -> None:
        axes = self.axes_slid
        check_groups(filters, groups)
        self._configure(
            initial,
            filters=integer("filters", filters),
            kernel=per_axis("kernel", kernel, axes),
            stride=per_axis("stride", stride, axes),
            padding=padding_of(padding, axes),
            dilation=per_axis("dilation", dilation, axes),
            groups=integer("groups", groups),
            bias=flag("bias", bias),
        )
        self._windows()  # which refuses what does not go together

    def _windows(self) -> Windows:
        return Windows(self.axes_slid, self.kernel, self.stride, self.padding, self.dilation)

    @property
    def params(self) -> Mapping[str, Initializer]:
        """The kernel, and the biases if there are any."""
        return {"K": init.he_normal, **({"B": init.zeros} if self.bias else {})}

    @property
    def forward(self) -> str:
        """The equation, and the sizes of what slides."""
        windows, grouped = self._windows(), self.groups > 1
        channel, feature = ("(g c)", "(g f)") if grouped else ("c", "f")
        groups = f"g: group < {self.groups}, " if grouped else ""
        before, clause = windows.bound(channel)
        places, offsets = (",".join(letters[self.axes_slid]) for letters in (POSITIONS, OFFSETS))
        product = f"x[b,{windows.subscripts},{channel}] K[{offsets},c,{feature}]"
        bias = f" + B[{feature}]" if self.bias else ""
        return f"""
            {windows.declarations}
            index {groups}f: filter < {self.filters // self.groups}
            {before}
            y[b,{places},{feature}] = {product}{bias}{clause}
        """


def check_groups(filters: int, groups: int) -> None:
    """Refuse filters that do not fall into so many blocks.

    Raises:
        InputError: They do not, or one of the two is no positive integer.
    """
    if integer("filters", filters) % integer("groups", groups):
        raise InputError(
            f"{filters} filters do not form {groups} groups",
            hint="the number of groups divides that of filters, and that of channels",
        )


class Conv1d(_Convolution):
    """Convolution over a sequence: y_btf = sum_pc x_b,t+p,c K_pcf + B_f.

    ::

        x[b,t,c]      K[p,c,f]             y[b,t,f]
          t: n places    p: kernel           t: (n + 2 padding - dilation (kernel - 1) - 1) // stride + 1
          c: channels    c: channels / groups
                         f: filters

    Weights start from N(0, 2 / fan_in), biases at 0. With groups the channels, and the filters, fall
    into that many blocks, and each block of filters reads one block of channels.

    Args:
        filters: How many there are.
        kernel: Size of the window.
        stride: From one place to the next.
        padding: Zeros before and after the sequence; ``"valid"`` is none, ``"same"`` as many as keep
            its length.
        dilation: From one position in the window to the next.
        groups: Of channels and filters.
        bias: Whether there is a ``B``.
        **initial: Initialisers of ``K`` and ``B``.

    Raises:
        InputError: An option is out of its range, or ``groups`` does not divide ``filters``.
        ShapeError: On `init` or a call: the window is longer than the sequence with its padding, or
            ``groups`` does not divide the channels.

    Source: LeCun et al., Neural Computation 1, 1989; Waibel et al., 1989. ``torch.nn.Conv1d``.

    >>> print(str(Conv1d(8, kernel=3, padding=1).program).splitlines()[-1])
    y[b,t,f] = x[b,pad(t+p-1),c] K[p,c,f] + B[f] where x[b,t,c]
    >>> Conv1d(1, kernel=2)({"K": [[[1.0]], [[10.0]]], "B": [0.0]}, x=[[[1.0], [2.0], [3.0]]]).ravel()
    array([21., 32.])
    """

    axes_slid = 1


class Conv2d(_Convolution):
    """Convolution over images, channels last: y_bijf = sum_pqc x_b,i+p,j+q,c K_pqcf + B_f.

    ::

        x[b,i,j,c]    K[p,q,c,f]           y[b,i,j,f]
          i: n rows      p, q: kernel        i: (n + 2 padding - dilation (kernel - 1) - 1) // stride + 1
          j: columns     c: channels / groups
          c: channels    f: filters

    Weights start from N(0, 2 / fan_in), biases at 0. With groups the channels, and the filters, fall
    into that many blocks, and each block of filters reads one block of channels.

    Args:
        filters: How many there are.
        kernel: Rows and columns of the window, one integer or two; stride, padding and dilation too.
        stride: From one place to the next.
        padding: Zeros around the image; ``"valid"`` is none, ``"same"`` as many as keep its size.
        dilation: From one position in the window to the next.
        groups: Of channels and filters.
        bias: Whether there is a ``B``.
        **initial: Initialisers of ``K`` and ``B``.

    Raises:
        InputError: An option is out of its range, or ``groups`` does not divide ``filters``.
        ShapeError: On `init` or a call: the window is larger than the image with its padding, or
            ``groups`` does not divide the channels.

    Source: LeCun, Bottou, Bengio and Haffner, 1998; groups: Krizhevsky, Sutskever and Hinton, 2012.
    ``torch.nn.Conv2d``.

    >>> from einprop.layers import ReLU
    >>> network = Conv2d(16, kernel=3) >> ReLU()
    >>> print(str(network.program).splitlines()[-1])
    y[b,i,j,f] = relu(x[b,i+p,j+q,c] K[p,q,c,f] + B[f])
    >>> Conv2d(16, kernel=3, stride=2, padding=1)
    Conv2d(16, kernel=3, stride=2, padding=1)
    >>> import numpy as np
    >>> parameters = network.init(np.random.default_rng(0), x=(32, 28, 28, 1))
    >>> parameters["K"].shape, network(parameters, x=np.zeros((32, 28, 28, 1))).shape
    ((3, 3, 1, 16), (32, 26, 26, 16))
    """

    axes_slid = 2


class Conv3d(_Convolution):
    """Convolution over volumes, channels last.

    ::

        x[b,i,j,k,c]   K[p,q,r,c,f]   y[b,i,j,k,f]      as `Conv2d`, over three axes

    y_bijkf = sum_pqrc x_b,i+p,j+q,k+r,c K_pqrcf + B_f.

    Args:
        filters: How many there are.
        kernel: Size of the window, one integer or three; stride, padding and dilation too.
        stride: From one place to the next.
        padding: Zeros around the volume; ``"valid"`` is none, ``"same"`` as many as keep its size.
        dilation: From one position in the window to the next.
        groups: Of channels and filters.
        bias: Whether there is a ``B``.
        **initial: Initialisers of ``K`` and ``B``.

    Raises:
        InputError: An option is out of its range, or ``groups`` does not divide ``filters``.
        ShapeError: On `init` or a call: the window is larger than the volume with its padding, or
            ``groups`` does not divide the channels.

    Source: Tran, Bourdev, Fergus, Torresani and Paluri, ICCV 2015. ``torch.nn.Conv3d``.

    >>> import numpy as np
    >>> layer = Conv3d(4, kernel=(1, 3, 3), padding="same")
    >>> layer(layer.init(np.random.default_rng(0), x=(2, 3, 5, 5, 1)), x=np.ones((2, 3, 5, 5, 1))).shape
    (2, 3, 5, 5, 4)
    """

    axes_slid = 3
