"""The UvA practical's network on CIFAR-10: raw pixels less the mean image, weights from N(0, 1e-4^2).

python examples/cifar_mlp.py --data_dir cifar-10-python.tar.gz
python examples/cifar_mlp.py --dnn_hidden_units 100,100      # learns nothing, and is told why
python examples/cifar_mlp.py --dnn_hidden_units 600,600,200 --optimizer Adam --learning_rate 3e-4 \
    --weight_decay 2e-3 --batch_size 400 --max_steps 3000 --init he_normal --scaled
"""

import argparse

import numpy as np
from support import cifar

import einprop as ep
from einprop.layers import Affine, ReLU, losses

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
parser.add_argument(
    "--dnn_hidden_units", "--hidden", default="100", help="units of the hidden layers, as in 100,50"
)
parser.add_argument(
    "--init", default="normal", help="normal for N(0, std^2), or he_normal, glorot_normal, …"
)
parser.add_argument("--std", type=float, default=1e-4, help="of the first weights")
parser.add_argument(
    "--scaled", action="store_true", help="pixels from 0 to 1 instead of raw ones, from 0 to 255"
)
cifar.add_arguments(parser)
options = parser.parse_args()
start = ep.init.normal(options.std) if options.init == "normal" else getattr(ep.init, options.init)

hidden = [int(units) for units in options.dnn_hidden_units.split(",") if units]
network = Affine(10, W=start)
for units in reversed(hidden):
    network = Affine(units, W=start) >> ReLU() >> network
model = network >> losses.CrossEntropy()
print(model.program)

split, what = cifar.read(options.data_dir)
# The practical feeds pixels from 0 to 255: its learning rate and its first weights go with them.
images = cifar.Images(split, options.test_images, raw=not options.scaled)
rng = np.random.default_rng(options.seed)
parameters = model.init(rng, x=(1, images.train.images[0].size), dtype=np.float32)
first = next(images.batches(options.batch_size, np.random.default_rng(options.seed)))

print(f"\nbefore training, one minibatch of {what}:")
print(ep.training.diagnose(model, parameters, first), "\n")
looks = cifar.train(model, parameters, images, cifar.optimizer_of(options), options, rng)
print(f"\nafter training, the same minibatch:\n{ep.training.diagnose(model, parameters, first)}\n")
title = f"{what}: {'-'.join(map(str, [3072, *hidden, 10]))}, {options.optimizer}"
print(f"{title}: accuracy {looks[-1].accuracy:.4f} on {len(split.test)} test images")
if options.curves:
    cifar.write_curves(looks, options.curves, title)
