"""The same networks in PyTorch, from the same weights and on the same minibatches: a yardstick."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from support.cifar import Images, Look, Tensors
from torch import Tensor, nn
from torch.nn import functional


def network(items: list[str], pooling: int, parameters: Mapping[str, np.ndarray]) -> nn.Sequential:
    """Convolutions, each with its normalisation, pooling (``p``) and a line, with our weights."""
    layers: list[nn.Module] = []
    channels, given = 3, iter(parameters[name] for name in parameters if name[0] in "KWB")
    for item in items:
        if item == "p":
            layers.append(nn.MaxPool2d(pooling, stride=2, padding=pooling // 3))
            continue
        convolution = nn.Conv2d(channels, int(item), 3, padding=1, bias=False)
        _set(convolution.weight, next(given).transpose(3, 2, 0, 1))
        channels = int(item)
        layers += [convolution, nn.BatchNorm2d(channels), nn.ReLU()]
    weights, bias = next(given), next(given)
    line = nn.Linear(*weights.shape)
    _set(line.weight, weights.T)
    _set(line.bias, bias)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), line)


def train(
    model: nn.Sequential, images: Images, options: Namespace, rng: np.random.Generator
) -> list[Look]:
    """Learn for so many steps and look at the test images now and then."""
    optimizer = getattr(torch.optim, options.optimizer)(
        model.parameters(), options.learning_rate, weight_decay=options.weight_decay
    )
    looks, losses, start = [], [], time.perf_counter()
    batches = images.batches(options.batch_size, rng)
    for number in range(1, options.max_steps + 1):
        optimizer.zero_grad()
        x, t = _tensors(next(batches))
        loss = functional.cross_entropy(model(x), t)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if number % options.eval_freq == 0 or number == options.max_steps:
            test_loss, right = judge(model, images.chunks(images.judged(number, options)))
            seconds = time.perf_counter() - start
            looks.append(Look(number, float(np.mean(losses)), test_loss, right, seconds))
            losses.clear()
            print(looks[-1], flush=True)
    return looks


def judge(model: nn.Sequential, chunks: Iterator[Tensors]) -> tuple[float, float]:
    """Loss and accuracy on images, in evaluation mode."""
    model.eval()
    loss, right, seen = 0.0, 0, 0
    with torch.no_grad():
        for chunk in chunks:
            x, t = _tensors(chunk)
            scores = model(x)
            loss += functional.cross_entropy(scores, t, reduction="sum").item()
            right += (scores.argmax(1) == t.argmax(1)).sum().item()
            seen += len(t)
    model.train()
    return loss / seen, right / seen


def _tensors(batch: Tensors) -> tuple[Tensor, Tensor]:
    """Images with their channels first, and targets."""
    x = torch.from_numpy(np.ascontiguousarray(batch["x"].transpose(0, 3, 1, 2)))
    return x, torch.from_numpy(batch["t"])


def _set(parameter: Tensor, values: np.ndarray) -> None:
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(values)))
