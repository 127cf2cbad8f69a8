"""Pooling and flattening: what fewer places keep of many."""

from __future__ import annotations

from typing import ClassVar, Self

from einprop.errors import InputError
from einprop.layers.between import Between
from einprop.layers.layer import Layer
from einprop.layers.options import padding_of, per_axis
from einprop.layers.windows import ENTERING, OFFSETS, POSITIONS, Windows
from einprop.options import one_of

__all__ = ["AvgPool1d", "AvgPool2d", "Flatten", "GlobalPool", "MaxPool1d", "MaxPool2d"]

Option = int | tuple[int, ...]


class _Pooling(Layer):
    """What pooling over windows has in common."""

    axes_slid: ClassVar[int]
    reduction: ClassVar[str]
    outside: ClassVar[str]
    kernel: Option
    stride: Option
    padding: Option | str
    dilation: Option

    def __init__(
        self,
        kernel: Option,
        *,
        stride: Option | None = None,
        padding: Option | str = 0,
        dilation: Option = 1,
    ) -> None:
        axes = self.axes_slid
        size = per_axis("kernel", kernel, axes)
        around = padding_of(padding, axes)
        step = None if stride is None else per_axis("stride", stride, axes)
        self._configure(
            kernel=size,
            stride=None if step == size else step,
            padding=around,
            dilation=per_axis("dilation", dilation, axes),
        )
        windows = self._windows()  # which refuses what does not go together
        if any(
            2 * zeros > width for width, zeros in zip(windows.sizes, windows.before, strict=True)
        ):
            raise InputError(
                f"padding is {padding!r} and kernel is {kernel!r}",
                hint="padding is at most half of the kernel",
            )

    def _windows(self) -> Windows:
        stride = self.kernel if self.stride is None else self.stride
        return Windows(
            self.axes_slid, self.kernel, stride, self.padding, self.dilation, self.outside
        )

    @property
    def forward(self) -> str:
        """The equation, and the sizes of the windows."""
        windows = self._windows()
        before, clause = windows.bound("c")
        places, offsets = (",".join(letters[self.axes_slid]) for letters in (POSITIONS, OFFSETS))
        read, entering = f"x[b,{windows.subscripts},c]", ""
        if self.reduction == "max" and windows.leaves_gaps:
            entering = f"input x[b,{','.join(ENTERING[self.axes_slid])},c]"
            read = f"where({windows.condition}, {read}, -1 / 0)"
        return f"""
            {windows.declarations}
            {entering}
            {before}
            y[b,{places},c] = {self.reduction}[{offsets}]({read}){clause}
        """


class MaxPool1d(_Pooling):
    """The largest value in each window of a sequence: y_btc = max_p x_b,stride t + p,c.

    ::

        x[b,t,c] ──▶ y[b,t,c]      t: (n + 2 padding - dilation (kernel - 1) - 1) // stride + 1 places

    Positions outside never count. Where several positions are largest they share the gradient.

    Args:
        kernel: Size of the window.
        stride: From one place to the next; by default the size of the window.
        padding: Positions before and after the sequence, at most half of the window; ``"valid"`` is
            none, with stride 1 ``"same"`` is as many as keep the size.
        dilation: From one position in the window to the next.

    Raises:
        InputError: An option is out of its range.
        ShapeError: On `init` or a call: the window is longer than the sequence with its padding.

    Source: Ranzato, Huang, Boureau and LeCun, CVPR 2007. ``torch.nn.MaxPool1d``.

    >>> MaxPool1d(2)({}, x=[[[1.0], [3.0], [2.0], [0.0], [9.0]]]).ravel()
    array([3., 2.])
    """

    axes_slid = 1
    reduction = "max"
    outside = "clamp"


class MaxPool2d(_Pooling):
    """The largest value in each window of an image, channels last.

    ::

        x[b,i,j,c] ──▶ y[b,i,j,c]

        i: (n + 2 padding - dilation (kernel - 1) - 1) // stride + 1 places, j alike

    y_bijc = max_pq x_b,stride i + p,stride j + q,c. Positions outside never count. Where several
    positions are largest they share the gradient.

    Args:
        kernel: Rows and columns of the window, one integer or two; the other options too.
        stride: From one place to the next; by default the size of the window.
        padding: Positions around the image, at most half of the window; ``"valid"`` is
            none, with stride 1 ``"same"`` is as many as keep the size.
        dilation: From one position in the window to the next.

    Raises:
        InputError: An option is out of its range.
        ShapeError: On `init` or a call: the window is larger than the image with its padding.

    Source: Ranzato, Huang, Boureau and LeCun, CVPR 2007. ``torch.nn.MaxPool2d``.

    >>> print(MaxPool2d(3, stride=2).program)
    index p, q: window < 3
    y[b,i,j,c] = max[p,q](x[b,2*i+p,2*j+q,c])
    """

    axes_slid = 2
    reduction = "max"
    outside = "clamp"


class AvgPool1d(_Pooling):
    """The mean of each window of a sequence: y_btc = 1/kernel sum_p x_b,stride t + p,c.

    ::

        x[b,t,c] ──▶ y[b,t,c]      t: (n + 2 padding - dilation (kernel - 1) - 1) // stride + 1 places

    Args:
        kernel: Size of the window.
        stride: From one place to the next; by default the size of the window.
        padding: Zeros before and after the sequence, at most half of the window; they count.
            ``"valid"`` is none, with stride 1 ``"same"`` is as many as keep the size.
        dilation: From one position in the window to the next.

    Raises:
        InputError: An option is out of its range.
        ShapeError: On `init` or a call: the window is longer than the sequence with its padding.

    Source: LeCun, Bottou, Bengio and Haffner, 1998. ``torch.nn.AvgPool1d``.

    >>> AvgPool1d(2, padding=1)({}, x=[[[2.0], [4.0], [6.0]]]).ravel()
    array([1., 5.])
    """

    axes_slid = 1
    reduction = "mean"
    outside = "pad"


class AvgPool2d(_Pooling):
    """The mean of each window of an image, channels last.

    ::

        x[b,i,j,c] ──▶ y[b,i,j,c]

        i: (n + 2 padding - dilation (kernel - 1) - 1) // stride + 1 places, j alike

    y_bijc = 1/(kernel kernel) sum_pq x_b,stride i + p,stride j + q,c.

    Args:
        kernel: Rows and columns of the window, one integer or two; the other options too.
        stride: From one place to the next; by default the size of the window.
        padding: Zeros around the image, at most half of the window; they count.
            ``"valid"`` is none, with stride 1 ``"same"`` is as many as keep the size.
        dilation: From one position in the window to the next.

    Raises:
        InputError: An option is out of its range.
        ShapeError: On `init` or a call: the window is larger than the image with its padding.

    Source: LeCun, Bottou, Bengio and Haffner, 1998. ``torch.nn.AvgPool2d``.

    >>> print(AvgPool2d(2).program)
    index p, q: window < 2
    y[b,i,j,c] = mean[p,q](x[b,2*i+p,2*j+q,c])
    """

    axes_slid = 2
    reduction = "mean"
    outside = "pad"


class GlobalPool(Between):
    """The mean, or the largest value, of each channel over all places.

    ::

        x[b,i,j,c] ──▶ y[b,c]      over all axes between the first and the last

    y_bc = 1/(I J) sum_ij x_bijc, or max_ij x_bijc.

    Args:
        kind: ``mean`` or ``max``.

    Raises:
        InputError: There is no such kind; or, where it is composed, what enters has no axis between
            the first and the last.

    Source: Lin, Chen and Yan, ICLR 2014.

    >>> GlobalPool()({}, x=[[[[1.0], [2.0]], [[3.0], [6.0]]]])
    array([[3.]])
    >>> print(GlobalPool("max").with_axes(3).program)
    input x[b,i,c]
    y[b,c] = max[i](x[b,i,c])
    """

    kind: str

    def __init__(self, kind: str = "mean") -> None:
        one_of("kind", kind, ("mean", "max"))
        self._configure(kind=kind)

    def fitted(self, axes: int) -> Self:
        """The layer for a tensor of that many axes."""
        if axes < 3:
            raise InputError(
                f"{self!r} has nothing to pool in a tensor of {axes} axes",
                hint="it pools over the axes between the first and the last",
            )
        return super().fitted(axes)

    @property
    def forward(self) -> str:
        """The equation, for images if nothing says how many axes there are."""
        places = ",".join(self.places)
        return f"y[b,c] = {self.kind}[{places}](x[b,{places},c])"


class Flatten(Between):
    """All axes but the first as one, the last the fastest.

    ::

        x[b,i,j,c] ──▶ y[b,(i j c)]      position (i J + j) C + c

    Channels come last, so the order is another than that of torch, whose images are x[b,c,i,j].

    Source: ``torch.nn.Flatten``.

    >>> print(Flatten().program)
    input x[b,i,j,c]
    y[b,(i j c)] = x[b,i,j,c]
    """

    @property
    def forward(self) -> str:
        """The equation, for images if nothing says how many axes there are."""
        if not self.between:
            return "y = x"
        letters = [*self.places, "c"]
        return f"y[b,({' '.join(letters)})] = x[b,{','.join(letters)}]"
