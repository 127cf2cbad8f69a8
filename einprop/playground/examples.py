"""Programs to start from, one of them with a mistake in it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EXAMPLES", "Example"]


@dataclass(frozen=True, slots=True)
class Example:
    """A program.

    Attributes:
        title: What it is.
        text: Its equations.
        wrt: The inputs to differentiate for; all if empty.
        opens: The panels that show what is particular about it.
    """

    title: str
    text: str
    wrt: str = ""
    opens: tuple[str, ...] = ()


EXAMPLES = (
    Example(
        "Affine layer and relu",
        """\
# i repeats, and is not on the left: it is summed
y[b,j] = relu(x[b,i] W[i,j] + B[j])
""",
    ),
    Example(
        "Softmax cross-entropy",
        """\
s[b,k] = x[b,i] W[i,k]
loss = -mean[b](sum[k](t[b,k] log_softmax[k](s[b,k])))
""",
        wrt="x W",
    ),
    Example(
        "Attention",
        """\
# the bracket is 1 where it holds, else 0
index q, k: position
s[q,k] = Q[q,d] K[k,d] / sqrt(sum[d](1))
p[q,k] = softmax[k](where([k <= q], s[q,k], -1e9))
y[q,e] = p[q,k] V[k,e]
""",
    ),
    Example(
        "Convolution",
        """\
# i and j run as far as the window stays inside
y[b,i,j,f] = x[b,i+p,j+q,c] K[p,q,c,f] + B[f]
""",
    ),
    Example(
        "Recurrent network",
        """\
# h before its first position is zero
h[t,b,j] = tanh(x[t,b,i] W[i,j] + h[t-1,b,k] U[k,j])
loss = sum[b,j]((h[end,b,j] - y[b,j])^2)
""",
        wrt="W U",
    ),
    Example(
        "Logistic regression",
        """\
# its Hessian is X' D X
param w[i]
s[b] = x[b,i] w[i]
loss = sum[b](softplus(s[b]) - t[b] s[b])
""",
        wrt="w",
        opens=("hessian",),
    ),
    Example(
        "Matrix factorisation",
        """\
# the rows of U do not meet: see its Hessian
param U[i,r], V[j,r]
loss = 0.5 sum[i,j]((T[i,j] - U[i,r] V[j,r])^2)
""",
        wrt="U V",
        opens=("hessian",),
    ),
    Example(
        "A mistake",
        """\
h[b,j] = tanh(x[b,i] W[i,j])
p[b] = exp(h[b,k])
""",
    ),
)
"""In the order of the page."""
