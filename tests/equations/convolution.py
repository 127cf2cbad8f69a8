"""Convolutions of every kind, and what is read and written through a window."""

from __future__ import annotations

from tests.equations.entry import Entry, functional, torch

__all__ = ["EQUATIONS"]


def locally_connected(v):
    columns = functional.unfold(v.x.unsqueeze(-1), (3, 1)).reshape(2, 2, 3, 4)
    return torch.einsum("bcpi,ifcp->bfi", columns, v.K)


def cost_volume(v):
    left = functional.unfold(v.y[None], 3, padding=1).reshape(2, 3, 3, 4, 4)
    return torch.einsum("cij,cpqij->pqij", v.x, left)


def separable(v):
    channels = v.x.shape[1]
    return functional.conv1d(
        functional.conv1d(v.x, v.D.unsqueeze(1), groups=channels), v.P.unsqueeze(-1)
    )


EQUATIONS = (
    Entry(
        name="convolution, 1-d",
        source="LeCun et al. 1989",
        program="y[b,f,i] = x[b,c,i+p] K[f,c,p] + B[f]",
        shapes={"x": (2, 2, 7), "K": (3, 2, 3), "B": (3,)},
        forward=lambda v: functional.conv1d(v.x, v.K, v.B),
    ),
    Entry(
        name="convolution, 2-d",
        source="LeCun et al. 1998",
        program="y[b,i,j,f] = x[b,i+p,j+q,c] K[p,q,c,f]",
        shapes={"x": (2, 4, 5, 2), "K": (2, 3, 2, 2)},
        forward=lambda v: functional.conv2d(
            v.x.permute(0, 3, 1, 2), v.K.permute(3, 2, 0, 1)
        ).permute(0, 2, 3, 1),
    ),
    Entry(
        name="convolution, 2-d, stride 2",
        source="Springenberg et al. 2015",
        program="y[b,f,i,j] = x[b,c,2*i+p,2*j+q] K[f,c,p,q]",
        shapes={"x": (1, 2, 6, 7), "K": (2, 2, 3, 3)},
        forward=lambda v: functional.conv2d(v.x, v.K, stride=2),
    ),
    Entry(
        name="convolution, 3-d",
        source="Tran et al. 2015, C3D",
        program="y[b,f,i,j,k] = x[b,c,i+p,j+q,k+r] K[f,c,p,q,r]",
        shapes={"x": (1, 2, 3, 3, 4), "K": (2, 2, 2, 2, 2)},
        forward=lambda v: functional.conv3d(v.x, v.K),
    ),
    Entry(
        name="dilated convolution",
        source="Yu and Koltun 2016",
        program="y[b,f,i] = x[b,c,i+2*p] K[f,c,p]",
        shapes={"x": (2, 2, 8), "K": (2, 2, 3)},
        forward=lambda v: functional.conv1d(v.x, v.K, dilation=2),
    ),
    Entry(
        name="padded convolution",
        source="Simonyan and Zisserman 2015, VGG",
        program="""
            index i: row, j: column
            input x[b,c,i,j]
            y[b,f,i,j] = x[b,c,pad(i+p-1),pad(j+q-1)] K[f,c,p,q]
        """,
        shapes={"x": (1, 2, 4, 3), "K": (2, 2, 3, 3)},
        forward=lambda v: functional.conv2d(v.x, v.K, padding=1),
    ),
    Entry(
        name="padded convolution with stride and dilation",
        source="Dumoulin and Visin 2016",
        program="y[b,f,i] = x[b,c,pad(2*i+3*p-2)] K[f,c,p] where i in 0:4",
        shapes={"x": (2, 2, 9), "K": (2, 2, 3)},
        forward=lambda v: functional.conv1d(v.x, v.K, stride=2, dilation=3, padding=2),
    ),
    Entry(
        name="circular convolution",
        source="torch Conv2d, padding_mode='circular'",
        program="""
            index i: row, j: column
            input x[b,c,i,j]
            y[b,f,i,j] = x[b,c,wrap(i+p-1),wrap(j+q-1)] K[f,c,p,q]
        """,
        shapes={"x": (1, 2, 4, 3), "K": (2, 2, 3, 3)},
        forward=lambda v: functional.conv2d(
            functional.pad(v.x, (1, 1, 1, 1), mode="circular"), v.K
        ),
    ),
    Entry(
        name="grouped convolution",
        source="Krizhevsky et al. 2012",
        program="y[b,(g f),i] = x[b,(g c),i+p] K[g,f,c,p]",
        shapes={"x": (2, 4, 5), "K": (2, 3, 2, 2)},
        forward=lambda v: functional.conv1d(v.x, v.K.flatten(0, 1), groups=2),
    ),
    Entry(
        name="depthwise convolution",
        source="Chollet 2017, Xception",
        program="y[b,c,i,j] = x[b,c,i+p,j+q] K[c,p,q]",
        shapes={"x": (1, 3, 4, 4), "K": (3, 2, 2)},
        forward=lambda v: functional.conv2d(v.x, v.K.unsqueeze(1), groups=3),
    ),
    Entry(
        name="separable convolution",
        source="Howard et al. 2017, MobileNet",
        program="h[b,c,i] = x[b,c,i+p] D[c,p]; y[b,f,i] = h[b,c,i] P[f,c]",
        shapes={"x": (2, 3, 6), "D": (3, 3), "P": (2, 3)},
        forward=separable,
    ),
    Entry(
        name="transposed convolution, 1-d",
        source="Zeiler et al. 2010",
        program="y[b,f,2*i+p] += x[b,c,i] K[c,f,p]",
        shapes={"x": (2, 2, 4), "K": (2, 3, 3)},
        forward=lambda v: functional.conv_transpose1d(v.x, v.K, stride=2),
    ),
    Entry(
        name="transposed convolution, 2-d",
        source="Long et al. 2015",
        program="y[b,f,2*i+p,2*j+q] += x[b,c,i,j] K[c,f,p,q]",
        shapes={"x": (1, 2, 3, 2), "K": (2, 2, 2, 3)},
        forward=lambda v: functional.conv_transpose2d(v.x, v.K, stride=2),
    ),
    Entry(
        name="full convolution",
        source="product of polynomials",
        program="y[i+p] += x[i] K[p]",
        shapes={"x": (5,), "K": (3,)},
        forward=lambda v: functional.conv1d(
            v.x[None, None], v.K.flip(0)[None, None], padding=2
        ).flatten(),
    ),
    Entry(
        name="causal dilated convolution",
        source="van den Oord et al. 2016, WaveNet",
        program="""
            index t: time
            input x[b,c,t]
            h[b,f,t] = x[b,c,pad(t-2*p)] K[f,c,p]
            g[b,f,t] = x[b,c,pad(t-2*p)] G[f,c,p]
            y[b,f,t] = tanh(h[b,f,t]) sigmoid(g[b,f,t])
        """,
        shapes={"x": (2, 2, 6), "K": (2, 2, 2), "G": (2, 2, 2)},
        forward=lambda v: (
            torch.tanh(functional.conv1d(functional.pad(v.x, (2, 0)), v.K.flip(-1), dilation=2))
            * torch.sigmoid(
                functional.conv1d(functional.pad(v.x, (2, 0)), v.G.flip(-1), dilation=2)
            )
        ),
    ),
    Entry(
        name="patch embedding",
        source="Dosovitskiy et al. 2021, ViT",
        program="y[b,(i j),e] = x[b,c,(i p),(j q)] K[e,c,p,q] + R[i,j,e]",
        shapes={"x": (2, 2, 4, 6), "K": (3, 2, 2, 2), "R": (2, 3, 3)},
        forward=lambda v: (
            functional.conv2d(v.x, v.K, stride=2).flatten(2).transpose(1, 2) + v.R.flatten(0, 1)
        ),
    ),
    Entry(
        name="locally connected layer",
        source="LeCun 1989",
        program="y[b,f,i] = x[b,c,i+p] K[i,f,c,p]",
        shapes={"x": (2, 2, 6), "K": (4, 2, 2, 3)},
        forward=locally_connected,
    ),
    Entry(
        name="lightweight convolution",
        source="Wu et al. 2019",
        program="""
            index t: time
            input x[b,t,h,c]
            y[b,t,h,c] = softmax[p](w[h,p]) x[b,pad(t+p-1),h,c]
        """,
        shapes={"x": (1, 4, 2, 2), "w": (2, 3)},
        forward=lambda v: (
            functional.conv1d(
                v.x.permute(0, 2, 3, 1).flatten(1, 2),
                torch.softmax(v.w, -1).repeat_interleave(2, 0).unsqueeze(1),
                padding=1,
                groups=4,
            )
            .reshape(1, 2, 2, 4)
            .permute(0, 3, 1, 2)
        ),
    ),
    Entry(
        name="cost volume",
        source="Dosovitskiy et al. 2015, FlowNet",
        program="""
            index p, q: window < 3
            c[p,q,i,j] = x[c,i,j] y[c,pad(i+p-1),pad(j+q-1)]
        """,
        shapes={"x": (2, 4, 4), "y": (2, 4, 4)},
        forward=cost_volume,
    ),
    Entry(
        name="im2col",
        source="Chellapilla et al. 2006; torch unfold",
        program="index p, q: window < 2\ny[b,(c p q),(i j)] = x[b,c,i+p,j+q]^2",
        shapes={"x": (2, 2, 3, 4)},
        forward=lambda v: functional.unfold(v.x, 2) ** 2,
    ),
    Entry(
        name="col2im",
        source="torch fold",
        program="""
            index p, q: window < 2
            y[b,c,i+p,j+q] += x[b,(c p q),(i j)] where i in 0:2, j in 0:3
        """,
        shapes={"x": (1, 8, 6)},
        forward=lambda v: functional.fold(v.x, (3, 4), 2),
    ),
    Entry(
        name="Sobel filter",
        source="Sobel and Feldman 1968",
        program="""
            g[i,j] = x[i,j+2] - x[i,j] + 2 x[i+1,j+2] - 2 x[i+1,j] + x[i+2,j+2] - x[i+2,j]
            h[i,j] = x[i+2,j] - x[i,j] + 2 x[i+2,j+1] - 2 x[i,j+1] + x[i+2,j+2] - x[i,j+2]
            m[i,j] = sqrt(g[i,j]^2 + h[i,j]^2)
        """,
        shapes={"x": (4, 5)},
        forward=lambda v: functional.conv2d(
            v.x[None, None],
            torch.tensor(
                [[[[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]], [[[-1, -2, -1], [0, 0, 0], [1, 2, 1]]]],
                dtype=torch.float64,
            ),
        )[0].norm(dim=0),
    ),
    Entry(
        name="autocorrelation",
        source="Box and Jenkins 1970",
        program="r[l] = x[t] x[pad(t+l)] where l in 0:4",
        shapes={"x": (6,)},
        forward=lambda v: functional.conv1d(
            functional.pad(v.x, (0, 3))[None, None], v.x[None, None]
        ).flatten(),
    ),
    Entry(
        name="gated pair of halves, by shift",
        source="Dauphin et al. 2017, GLU",
        program="y[b,j] = x[b,j] sigmoid(x[b,j+3])",
        shapes={"x": (2, 6)},
        forward=lambda v: functional.glu(v.x),
    ),
    Entry(
        name="Toeplitz product",
        source="Golub and Van Loan, Matrix Computations",
        program="y[i] = c[i-j+3] x[j]",
        shapes={"c": (7,), "x": (4,)},
        forward=lambda v: torch.stack([v.c[i : i + 4].flip(0) @ v.x for i in range(4)]),
    ),
    Entry(
        name="circulant product",
        source="Davis 1979, Circulant Matrices",
        program="index i, j: cell\ninput c[i], x[i]\ny[i] = c[wrap(i-j)] x[j]",
        shapes={"c": (5,), "x": (5,)},
        forward=lambda v: torch.fft.ifft(torch.fft.fft(v.c) * torch.fft.fft(v.x)).real,
    ),
)
