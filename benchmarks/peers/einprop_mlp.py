"""The lecture's MLP in einprop: the equations are the program."""

import einprop as ep

mlp = ep.Program(
    """
    h[b,j] = tanh(x[b,i] W1[i,j] + B1[j])
    s[b,k] = h[b,j] W2[j,k] + B2[k]
    loss = -mean[b](sum[k](t[b,k] log_softmax[k](s[b,k])))
    """,
    params="W1 B1 W2 B2",
)
loss_and_gradients = mlp.value_and_grad()


def shown_gradient():
    return str(mlp.backward(wrt=mlp.params))
