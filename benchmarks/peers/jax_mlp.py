"""The lecture's MLP in JAX: a traced function."""

import jax
import jax.numpy as jnp


def loss(parameters, x, t):
    h = jnp.tanh(x @ parameters["W1"] + parameters["B1"])
    s = h @ parameters["W2"] + parameters["B2"]
    return -(t * jax.nn.log_softmax(s)).sum() / len(x)


step = jax.jit(jax.value_and_grad(loss))


def loss_and_gradients(x, t, W1, B1, W2, B2):
    return step({"W1": W1, "B1": B1, "W2": W2, "B2": B2}, x, t)


def shown_gradient():
    shapes = {"W1": (784, 200), "B1": (200,), "W2": (200, 10), "B2": (10,)}
    parameters = {name: jnp.zeros(shape) for name, shape in shapes.items()}
    return str(
        jax.make_jaxpr(jax.grad(loss))(parameters, jnp.zeros((100, 784)), jnp.zeros((100, 10)))
    )
