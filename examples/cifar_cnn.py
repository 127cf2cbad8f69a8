"""The UvA practical's convolution network on CIFAR-10: 3x3 convolution, batch normalisation, ReLU, pooling.

python examples/cifar_cnn.py --data_dir cifar-10-python.tar.gz --curves cifar_cnn.png
python examples/cifar_cnn.py --channels 64,p,128,p,256,p,512,p    # four convolutions: a third of the time
python examples/cifar_cnn.py --library pytorch    # the same weights and minibatches, by PyTorch's layers
"""

import argparse
import math

import numpy as np
from support import cifar

import einprop as ep
from einprop.layers import Affine, BatchNorm, Conv2d, GlobalPool, MaxPool2d, Network, ReLU, losses

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
parser.add_argument(
    "--channels",
    default="64,p,128,p,256,256,p,512,512,p,512,512,p",
    help="of the convolutions, and p for max pooling by 2 (default: %(default)s)",
)
parser.add_argument("--pooling", type=int, choices=(2, 3), default=3, help="size of its windows")
parser.add_argument("--start", choices=("uniform", "he"), default="uniform", help="of the weights")
parser.add_argument("--library", choices=("einprop", "pytorch"), default="einprop", help="to use")
cifar.add_arguments(
    parser,
    learning_rate=1e-4,
    max_steps=5000,
    batch_size=32,
    eval_freq=250,
    optimizer="Adam",
    test_images=2000,
)
options = parser.parse_args()


def as_pytorch(
    rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, _fan_out: int, dtype: object
) -> np.ndarray:
    """The start of PyTorch's layers: uniform with variance 1 / (3 fan_in)."""
    bound = 1 / math.sqrt(fan_in)
    return rng.uniform(-bound, bound, shape).astype(dtype)


start = as_pytorch if options.start == "uniform" else ep.init.he_normal


def block(item: str) -> Network:
    """One item of the flag: a convolution with what follows it, or pooling."""
    if item == "p":
        return MaxPool2d(options.pooling, stride=2, padding=options.pooling // 3)
    filters = Conv2d(int(item), kernel=3, padding=1, bias=False, K=start)
    return filters >> BatchNorm() >> ReLU()


network, *blocks = [block(item) for item in options.channels.split(",")]
for item in blocks:
    network = network >> item
features = int([item for item in options.channels.split(",") if item != "p"][-1])
bias = ep.init.uniform(1 / math.sqrt(features)) if options.start == "uniform" else ep.init.zeros
model = network >> GlobalPool() >> Affine(10, W=start, B=bias) >> losses.CrossEntropy()
print(model.program)

split, what = cifar.read(options.data_dir)
images = cifar.Images(split, options.test_images, flat=False)
rng = np.random.default_rng(options.seed)
parameters = model.init(rng, x=(1, *images.train.images.shape[1:]), dtype=np.float32)
print(f"\n{what}, {sum(array.size for array in parameters.values())} numbers to learn or to keep")
if options.library == "pytorch":
    from support import pytorch

    twin = pytorch.network(options.channels.split(","), options.pooling, parameters)
    looks = pytorch.train(twin, images, options, rng)
else:
    looks = cifar.train(model, parameters, images, cifar.optimizer_of(options), options, rng)
title = f"{what}: {options.channels}, {options.optimizer}"
print(f"{title}: accuracy {looks[-1].accuracy:.4f} on all {len(split.test)} test images")
if options.curves:
    cifar.write_curves(looks, options.curves, title)
