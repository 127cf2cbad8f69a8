"""Where tensors lie: windows, results written where they belong, copies for products."""

from __future__ import annotations

from einprop.execution.schedule import schedule
from einprop.execution.steps import Contraction, Copy, Gather, Schedule
from einprop.notation.parser import parse

SIZES = {"b": 2, "i": 5, "p": 3, "c": 4, "f": 6, "u": 12, "v": 7, "t": 4, "T": 5, "j": 3, "k": 3}


def plan(text: str, inputs: dict[str, str], *outputs: str, **axes: str) -> Schedule:
    shapes = {name: tuple(SIZES[i] for i in letters) for name, letters in inputs.items()}
    letters = {name: tuple(value) for name, value in axes.items()}
    return schedule(parse(text), SIZES, shapes, outputs, axes=letters)


def test_a_window_is_strides_on_another_tensor() -> None:
    w = plan("w[i,p,b] = x[b,2*i+p+1]; y[i,p,b] = exp(w[i,p,b])", {"x": "bu"}, "y").tensors["w"]
    assert (w.root, w.offset, w.strides) == ("x", 1, (2, 1, 12))
    assert w.order == (2, 0, 1)
    assert w.buffer is None


def test_windows_on_windows() -> None:
    text = "w[i,p] = x[2*i+p]; d[i] = w[i,1]; e[p] = d[2*p]; y[p] = exp(e[p])"
    found = plan(text, {"x": "u"}, "y").tensors
    assert (found["d"].offset, found["d"].strides) == (1, (2,))
    assert (found["e"].offset, found["e"].strides) == (1, (4,))


def test_what_is_copied_into_a_tensor_lies_in_it() -> None:
    text = "e[i,c] = exp(x[i,c]); P[i+1,c] += e[i,c]; y[v,c] = sin(P[v,c]); z[i,c] = cos(e[i,c])"
    result = plan(text, {"x": "ic"}, "y", "z", P="vc")
    e = result.tensors["e"]
    assert (e.root, e.offset, e.strides) == ("P", 4, (4, 1))
    assert [step.target.tensor for step in result.steps] == ["P", "e", "P#1", "y", "z"]


def test_what_others_change_does_not() -> None:
    text = "e[i] = exp(x[i]); P[i] += e[i]; P[0] += 1; z[i] = e[i] P[i]"
    assert plan(text, {"x": "i"}, "z", P="i").tensors["e"].root == "e"
    # Unless nobody looks.
    text = "e[i] = exp(x[i]); P[i] += e[i]; P[0] += 1; z[i] = sin(P[i])"
    assert plan(text, {"x": "i"}, "z", P="i").tensors["e"].root == "P"


def test_a_product_is_written_into_a_window_if_its_axes_merge_there() -> None:
    text = "m[b,c] = sum[i](x[b,i] W[i,c]); P[b+1,c] += m[b,c]; y[p,c] = sin(P[p,c])"
    assert plan(text, {"x": "bi", "W": "ic"}, "y", P="pc").tensors["m"].root == "P"
    text = "m[b,i,c] = sum[f](x[b,i,f] W[f,c]); P[b,i+1,c] += m[b,i,c]; y[b,v,c] = sin(P[b,v,c])"
    assert plan(text, {"x": "bif", "W": "fc"}, "y", P="bvc").tensors["m"].root == "m"


def test_products_of_one_window_share_its_copy() -> None:
    text = """
        e[b,u,c] = exp(x[b,u,c])
        w[b,i,p,c] = e[b,2*i+p,c]
        y[b,i,f] = sum[p,c](w[b,i,p,c] K[p,c,f])
        G[p,c,f] = sum[b,i](w[b,i,p,c] g[b,i,f])
    """
    result = plan(text, {"x": "buc", "K": "pcf", "g": "bif"}, "y", "G")
    copies = [step for step in result.steps if isinstance(step.operation, Copy)]
    assert len(copies) == 1
    assert copies[0].bytes == 2 * 8 * 2 * 5 * 3 * 4
    products = [step for step in result.steps if isinstance(step.operation, Contraction)]
    read = {o.tensor for step in products for o in step.operands}  # type: ignore[union-attr]
    assert copies[0].target.tensor in read
    assert "w" not in read


def test_a_window_that_merges_is_not_copied() -> None:
    for text in (
        "e[u,c] = exp(x[u,c]); w[b,f,c] = e[6*b+f,c]; y[b,i] = sum[f,c](w[b,f,c] K[f,c,i])",
        "e[u,c] = exp(x[u,c]); w[i,p,c] = e[2*i+p,c]; y[i,b] = sum[p,c](w[i,p,c] L[p,c,b])",
    ):
        result = plan(text, {"x": "uc", "K": "fci", "L": "pcb"}, "y")
        assert not any(isinstance(step.operation, Copy) for step in result.steps)


def test_the_axis_of_the_loop_is_outermost() -> None:
    text = """
        _1[b,t,k] = H[b,k,t+0]
        _2[b,t,j] = sum[k](_1[b,t,k] U[k,j])
        h[b,t,j] = tanh(_2[b,t,j])
        H[b,j,t+1] += h[b,t,j]
        H[b,j,0] += h0[b,j]
        y[b,t,j] = exp(h[b,t,j])
    """
    result = plan(text, {"U": "kj", "h0": "bj"}, "y", H="bjT")
    assert result.tensors["H"].order == (2, 0, 1)
    assert result.tensors["h"].root == "H"
    assert result.tensors["_2"].strides == (3, 0, 1)
    assert result.arena_bytes == 8 * (5 * 2 * 3 + 2 * 3)
    (loop,) = result.loops
    assert {step.fixed for step in result.steps[loop.start : loop.stop]} == {("t",)}


def test_what_a_loop_reads_lives_until_its_end() -> None:
    text = """
        a[j,k] = exp(U[k,j])
        _1[t,b,k] = H[t+0,b,k]
        _2[t,b,j] = sum[k](_1[t,b,k] a[j,k])
        h[t,b,j] = tanh(_2[t,b,j])
        _3[t,b,j] = h[t,b,j] + c[b]
        H[t+1,b,j] += _3[t,b,j]
        y[b,j] = H[4,b,j]
    """
    result = plan(text, {"U": "kj", "c": "b"}, "y", H="Tbj")
    (loop,) = result.loops
    assert result.tensors["a"].last == loop.stop - 1
    assert result.tensors["a"].buffer not in {
        result.tensors[name].buffer for name in ("_2", "h", "_3", "H")
    }


def test_a_gather_writes_in_the_order_of_what_it_reads() -> None:
    result = plan("y[c,b] = E[n[b],c]; z[c,b] = exp(y[c,b])", {"E": "vc", "n": "b"}, "z")
    (step,) = [step for step in result.steps if isinstance(step.operation, Gather)]
    assert result.tensors["y"].order == (1, 0)
    assert step.flops == 0
    assert step.bytes == 8 * (2 * 2 * 4 + 2)
    assert result.integers == ("n",)


def test_code_that_people_read_moves_nothing() -> None:
    text = "e[i,c] = exp(x[i,c]); P[i+1,c] += e[i,c]; y[v,c] = sin(P[v,c])"
    result = schedule(
        parse(text), SIZES, {"x": (5, 4)}, ["y"], axes={"P": ("v", "c")}, as_written=True
    )
    assert result.tensors["e"].root == "e"
