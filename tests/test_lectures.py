"""What the lectures that this library grew from say, claim by claim."""

from __future__ import annotations

import numpy as np
import pytest

from einprop import Program, adjoint_trace, evaluation_trace, tangent_trace
from einprop.components import Formula, Parameter
from einprop.layers import Affine, ReLU, losses


class TestETH:
    """Networks as ridge functions, losses on logits, expression graphs."""

    def test_jacobian_of_a_ridge_layer_is_the_sparsified_weight_matrix(self, rng) -> None:
        layer = Program("y[j] = relu(W[j,i] x[i] + b[j])")
        jacobian = layer.jacobian(wrt="x")
        assert str(jacobian).splitlines()[-1] == "y.jacobian.x[j,i] = [y[j] > 0] W[j,i]"
        tensors = {"W": rng.normal(size=(6, 4)), "x": rng.normal(size=4), "b": rng.normal(size=6)}
        active = layer(tensors) > 0
        assert 0 < active.sum() < 6
        # Rows of units that are off are struck out; the others are the weights', untouched.
        np.testing.assert_array_equal(jacobian(tensors), np.where(active[:, None], tensors["W"], 0))

    def test_jacobian_of_any_ridge_layer(self, rng) -> None:
        jacobian = Program("y[j] = tanh(W[j,i] x[i])").jacobian(wrt="x")
        W, x = rng.normal(size=(3, 4)), rng.normal(size=4)  # noqa: N806
        expected = np.diag(1 - np.tanh(W @ x) ** 2) @ W
        np.testing.assert_allclose(jacobian(W=W, x=x), expected)

    def test_jacobian_of_a_network_is_the_product_of_its_layers(self, rng) -> None:
        network = Affine(5) >> ReLU() >> Affine(2)
        x = rng.normal(size=(1, 3))
        parameters = network.init(rng, x=x)
        jacobian = network.program.jacobian(wrt="x")({**parameters, "x": x})
        on = (x @ parameters["W1"] + parameters["B1"])[0] > 0
        product = parameters["W2"].T @ np.diag(on) @ parameters["W1"].T
        np.testing.assert_allclose(jacobian[0, :, 0, :], product)

    def test_quadratic_loss(self) -> None:
        loss = losses.SquaredError().program
        assert str(loss.backward(wrt="x")).endswith(
            "x.grad[b,k] += loss.grad (x[b,k] - t[b,k]) / sum[b'](1)"
        )

    def test_multivariate_logistic_loss_has_the_gradient_delta_minus_p(self, rng) -> None:
        # The lecture's sign: the log-likelihood, to be made large.
        likelihood = Program("ell[b] = s[b,y[b]] - logsumexp[k](s[b,k])")
        assert str(likelihood.backward(wrt="s")) == (
            "s.grad[b,y[b]] += ell.grad[b]\ns.grad[b,k] += -ell.grad[b] softmax[k](s[b,k])"
        )
        s, y = rng.normal(size=(5, 3)), np.array([0, 2, 1, 1, 0])
        p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
        gradient = likelihood.vjp(wrt="s")({"s": s, "y": y, "ell.grad": np.ones(5)})
        np.testing.assert_allclose(gradient, np.eye(3)[y] - p, atol=1e-15)

    def test_symbolic_differentiation_is_closed(self) -> None:
        once = Program("y = sin(x)^2").grad(wrt="x")
        twice = once.grad(wrt="x")
        assert Program(str(twice)) == twice
        assert float(twice(x=0.3)) == pytest.approx(2 * np.cos(0.6))

    def test_exponentials_are_shifted_without_being_asked(self) -> None:
        naive = Program("loss = -sum[b,k](t[b,k] log(exp(s[b,k]) / sum[j](exp(s[b,j]))))")
        far = {"s": [[1e4, 0.0, -1e4]], "t": [[0.0, 1.0, 0.0]]}
        assert naive(far) == 1e4
        assert naive.grad(wrt="s")(far).tolist() == [[1, -1, 0]]


class TestUB:
    """The function of the slides at (2, 5), in both modes."""

    function = "y = log(x1) + x1 x2 - sin(x2)"

    def test_value_and_derivatives(self) -> None:
        assert round(evaluation_trace(self.function, x1=2, x2=5)["y"], 3) == 11.652
        assert tangent_trace(self.function, x1=2, x2=5, wrt="x1")["y.dot"] == 5.5
        reverse = adjoint_trace(self.function, x1=2, x2=5)
        assert (reverse["x1.grad"], round(reverse["x2.grad"], 3)) == (5.5, 1.716)

    def test_modes_agree_with_the_program(self) -> None:
        value, gradients = Program(self.function).value_and_grad()(x1=2, x2=5)
        assert round(float(value), 3) == 11.652
        assert [round(float(g), 3) for g in gradients.values()] == [5.5, 1.716]

    def test_logistic_regression_takes_the_steps_that_autograd_takes(self) -> None:
        autograd = pytest.importorskip("autograd", reason="the oracle autograd is not installed")
        numpy = autograd.numpy
        x = np.array(
            [[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30], [0.74, -2.49, 1.39]]
        )
        t = np.array([True, True, False, True])

        def their_loss(w):
            p = 0.5 * (numpy.tanh(numpy.dot(x, w) / 2) + 1)
            return -numpy.sum(numpy.log(p * t + (1 - p) * (1 - t)))

        ours = Program(
            """
            p[b] = 0.5 (tanh(x[b,i] w[i] / 2) + 1)
            q[b] = p[b] t[b] + (1 - p[b]) (1 - t[b])
            loss = -sum[b](log(q[b]))
            """
        )
        gradient, their_gradient = ours.grad(wrt="w"), autograd.grad(their_loss)
        w, v = np.zeros(3), np.zeros(3)
        for _ in range(100):
            w -= 0.01 * gradient(x=x, t=t, w=w)
            v -= 0.01 * their_gradient(v)
        np.testing.assert_allclose(w, v, rtol=1e-12)
        assert round(float(ours(x=x, t=t, w=np.zeros(3))), 3) == 2.773
        assert round(float(ours(x=x, t=t, w=w)), 3) == 1.067


class TestEDF:
    """The directed graph of the slides."""

    def test_square_root_of_a_sum_of_squares(self) -> None:
        x, y = Parameter(3.0, "x"), Parameter(4.0, "y")
        z = Formula("sqrt(w)", w=x**2 + y**2)
        assert float(z.forward()) == 5
        z.backward()
        assert float(x.grad) == pytest.approx(3 / 5)
        assert float(y.grad) == pytest.approx(4 / 5)
        assert len(z.program.graph().nodes) == 6
