"""Matrix factorisation by Newton's method: the Hessian of a factor is one small block for all rows."""

import numpy as np

import einprop as ep

loss = ep.Program("loss = sum[i,j]((T[i,j] - U[i,r] V[j,r])^2)")
hessian = loss.hessian(wrt="U")
print(hessian)

# The print says it: zero unless the rows agree, and then V'V. Nothing of size (rows x rank)^2 is needed.
block = ep.Program("H[r,r'] = 2 V[j,r] V[j,r']")

rng = np.random.default_rng(0)
rows, columns, rank = 500, 40, 5
T = rng.normal(size=(rows, rank)) @ rng.normal(size=(rank, columns))
T += 0.1 * rng.normal(size=T.shape)
U, V = rng.normal(size=(rows, rank)), rng.normal(size=(columns, rank))

whole = hessian(T=T[:3], U=U[:3], V=V)
for i in range(3):
    assert np.allclose(whole[i, :, i], block(V=V))
    assert not whole[i, :, i - 1].any()

slope_u, slope_v = loss.grad(wrt="U"), loss.grad(wrt="V")
print()
before = np.inf
for step in range(30):
    now = loss(T=T, U=U, V=V)
    print(f"step {step}: loss {now:.12g}")
    if before - now < 1e-12 * now:
        break
    before = now
    # The loss is quadratic in one factor: a Newton step is its minimum.
    U = U - np.linalg.solve(block(V=V), slope_u(T=T, U=U, V=V).T).T
    V = V - np.linalg.solve(block(V=U), slope_v(T=T, U=U, V=V).T).T
left = np.abs(slope_u(T=T, U=U, V=V)).max()
print(f"largest entry of the gradient: {left:.0e}")
assert left < 1e-3
