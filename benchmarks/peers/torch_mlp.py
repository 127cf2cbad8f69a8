"""The lecture's MLP in PyTorch: a tape of operators."""

import torch


def forward(x, t, W1, B1, W2, B2):
    h = torch.tanh(x @ W1 + B1)
    s = h @ W2 + B2
    return -(t * torch.log_softmax(s, dim=1)).sum() / len(x)


def loss_and_gradients(x, t, W1, B1, W2, B2):
    arrays = {"W1": W1, "B1": B1, "W2": W2, "B2": B2}
    parameters = {name: torch.tensor(a, requires_grad=True) for name, a in arrays.items()}
    loss = forward(torch.from_numpy(x), torch.from_numpy(t), **parameters)
    loss.backward()
    return loss.item(), {name: p.grad.numpy() for name, p in parameters.items()}


def shown_gradient():
    shapes = {"W1": (784, 200), "B1": (200,), "W2": (200, 10), "B2": (10,)}
    parameters = {name: torch.zeros(s, requires_grad=True) for name, s in shapes.items()}
    names, todo = [], [forward(torch.zeros(100, 784), torch.zeros(100, 10), **parameters).grad_fn]
    while todo:
        node = todo.pop(0)
        names.append(node.name())
        todo += [child for child, _ in node.next_functions if child is not None]
    return "\n".join(names)
