"""Transposed convolutions: every place writes a kernel into a larger sequence, image or volume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from einprop.errors import InputError
from einprop.layers import init
from einprop.layers.convolution import Option, check_groups
from einprop.layers.init import Initializer
from einprop.layers.layer import Layer
from einprop.layers.options import integer, padding_of, per_axis
from einprop.layers.windows import ENTERING, OFFSETS, POSITIONS, Windows
from einprop.options import flag

__all__ = ["ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]


class _TransposedConvolution(Layer):
    """Transposed convolutions over one, two and three axes."""

    axes_slid: ClassVar[int]
    filters: int
    kernel: Option
    stride: Option
    padding: Option | str
    output_padding: Option
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
        output_padding: Option = 0,
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
            padding=padding_of(padding, axes, ("valid",)),
            output_padding=per_axis("output_padding", output_padding, axes, 0),
            dilation=per_axis("dilation", dilation, axes),
            groups=integer("groups", groups),
            bias=flag("bias", bias),
        )
        steps = zip(self._each("stride"), self._each("dilation"), strict=True)
        if any(e >= max(s) for e, s in zip(self._each("output_padding"), steps, strict=True)):
            raise InputError(
                f"output_padding is {output_padding!r}",
                hint="it is less than the stride or the dilation",
            )

    def _each(self, option: str) -> tuple[int, ...]:
        given: Option = self.options[option]
        return (given,) * self.axes_slid if isinstance(given, int) else given

    @property
    def params(self) -> Mapping[str, Initializer]:
        """The kernel, and the biases if there are any."""
        return {"K": init.he_normal, **({"B": init.zeros} if self.bias else {})}

    @property
    def forward(self) -> str:
        """The equations: what all places write, and the part of it that leaves."""
        windows = Windows(self.axes_slid, self.kernel, self.stride, dilation=self.dilation)
        grouped = self.groups > 1
        channel, feature = ("(g c)", "(g f)") if grouped else ("c", "f")
        groups = f"g: group < {self.groups}, " if grouped else ""
        places, offsets = (",".join(letters[self.axes_slid]) for letters in (POSITIONS, OFFSETS))
        product = f"x[b,{places},{channel}] K[{offsets},{channel},f]"
        padding, more = self._each("padding"), self._each("output_padding")
        whole = not any((*padding, *more))
        written = "y" if whole else "full"
        bias = f"B[{feature}]" if self.bias else ""
        return f"""
            {windows.declarations}
            index {groups}f: filter < {self.filters // self.groups}
            {written}[b,{windows.subscripts},{feature}] += {product}
            {self._biased(feature, bias) if whole else self._cut(feature, bias, padding, more)}
        """

    def _biased(self, feature: str, bias: str) -> str:
        return f"y[b,{','.join(ENTERING[self.axes_slid])},{feature}] += {bias}" if bias else ""

    def _cut(self, feature: str, bias: str, padding: Sequence[int], more: Sequence[int]) -> str:
        """The part of ``full`` between the padding; zeros stand behind it where that is too short."""
        letters = ENTERING[self.axes_slid]
        read, longer, last = [], [], []
        for letter, around, behind in zip(letters, padding, more, strict=True):
            place = f"{letter}+{around}"
            read.append(f"pad({place})" if behind > around else place)
            longer.append(f"{letter}+{behind}" if behind else letter)
            last.append(f"{letter}+{2 * around}")
        bound, before = "full", ""
        if any(more):
            bound = "room"
            before = f"room[b,{','.join(longer)},{feature}] = full[b,{','.join(letters)},{feature}]"
        target = f"y[b,{','.join(letters)},{feature}]"
        added = f" + {bias}" if bias else ""
        return f"""{before}
            {target} = full[b,{",".join(read)},{feature}]{added} where {bound}[b,{",".join(last)},{feature}]
        """


class ConvTranspose1d(_TransposedConvolution):
    """Transposed convolution over a sequence: y_b,stride t + p,f = sum_tc x_btc K_pcf, plus B_f.

    ::

        x[b,t,c]      K[p,c,f]             y[b,s,f]
          t: n places    p: kernel           s: (n - 1) stride - 2 padding + dilation (kernel - 1)
          c: channels    c: channels            + output_padding + 1 places
                         f: filters / groups

    This is the gradient of `Conv1d` for its input, as a layer: it makes sequences longer. Weights
    start from N(0, 2 / fan_in), biases at 0. With groups the channels, and the filters, fall into
    that many blocks, and each block of channels writes one block of filters.

    Args:
        filters: How many there are.
        kernel: Size of the window that a place writes.
        stride: From what one place writes to what the next does.
        padding: Positions that are cut off at both ends; ``"valid"`` is none.
        output_padding: Positions added behind; less than the stride or the dilation.
        dilation: From one position in the window to the next.
        groups: Of channels and filters.
        bias: Whether there is a ``B``.
        **initial: Initialisers of ``K`` and ``B``.

    Raises:
        InputError: An option is out of its range, or ``groups`` does not divide ``filters``.
        ShapeError: On `init` or a call: ``groups`` does not divide the channels, or nothing is left
            between the padding.

    Source: Zeiler, Krishnan, Taylor and Fergus, CVPR 2010. ``torch.nn.ConvTranspose1d``.

    >>> layer = ConvTranspose1d(1, kernel=2, stride=2)
    >>> layer({"K": [[[1.0]], [[10.0]]], "B": [0.0]}, x=[[[1.0], [2.0]]]).ravel()
    array([ 1., 10.,  2., 20.])
    """

    axes_slid = 1


class ConvTranspose2d(_TransposedConvolution):
    """Transposed convolution over images, channels last.

    ::

        x[b,i,j,c]    K[p,q,c,f]           y[b,u,v,f]
          i: n rows      p, q: kernel        u: (n - 1) stride - 2 padding + dilation (kernel - 1)
          j: columns     c: channels            + output_padding + 1 rows, v alike
          c: channels    f: filters / groups

    y_b,stride i + p,stride j + q,f = sum_ijc x_bijc K_pqcf, plus B_f: the gradient of `Conv2d` for
    its input, as a layer.

    Args:
        filters: How many there are.
        kernel: Rows and columns that a place writes, one integer or two; the next four too.
        stride: From what one place writes to what the next does.
        padding: Positions that are cut off on all sides; ``"valid"`` is none.
        output_padding: Positions added behind; less than the stride or the dilation.
        dilation: From one position in the window to the next.
        groups: Of channels and filters.
        bias: Whether there is a ``B``.
        **initial: Initialisers of ``K`` and ``B``.

    Raises:
        InputError: An option is out of its range, or ``groups`` does not divide ``filters``.
        ShapeError: On `init` or a call: ``groups`` does not divide the channels, or nothing is left
            between the padding.

    Source: Zeiler, Krishnan, Taylor and Fergus, CVPR 2010. ``torch.nn.ConvTranspose2d``.

    >>> print(ConvTranspose2d(8, kernel=4, stride=2, padding=1).program)
    index p, q: window < 4, f: filter < 8
    input x[b,i,j,c]
    param K[p,q,c,f], B[f]
    full[b,2*i+p,2*j+q,f] += x[b,i,j,c] K[p,q,c,f]
    y[b,u,v,f] = full[b,u+1,v+1,f] + B[f] where full[b,u+2,v+2,f]
    """

    axes_slid = 2


class ConvTranspose3d(_TransposedConvolution):
    """Transposed convolution over volumes, channels last.

    ::

        x[b,i,j,k,c]   K[p,q,r,c,f]   y[b,u,v,w,f]      as `ConvTranspose2d`, over three axes

    Args:
        filters: How many there are.
        kernel: Size of what a place writes, one integer or three; the next four too.
        stride: From what one place writes to what the next does.
        padding: Positions that are cut off on all sides; ``"valid"`` is none.
        output_padding: Positions added behind; less than the stride or the dilation.
        dilation: From one position in the window to the next.
        groups: Of channels and filters.
        bias: Whether there is a ``B``.
        **initial: Initialisers of ``K`` and ``B``.

    Raises:
        InputError: An option is out of its range, or ``groups`` does not divide ``filters``.
        ShapeError: On `init` or a call: ``groups`` does not divide the channels, or nothing is left
            between the padding.

    Source: Zeiler, Krishnan, Taylor and Fergus, CVPR 2010. ``torch.nn.ConvTranspose3d``.

    >>> import numpy as np
    >>> layer = ConvTranspose3d(4, kernel=(1, 2, 2), stride=(1, 2, 2))
    >>> layer(layer.init(np.random.default_rng(0), x=(2, 3, 5, 5, 1)), x=np.ones((2, 3, 5, 5, 1))).shape
    (2, 3, 10, 10, 4)
    """

    axes_slid = 3
