"""A small GPT on characters: causal attention and two affine maps in each block, added to what enters.

python examples/text_gpt.py --text input.txt
"""

import argparse

from support import text

from einprop.layers import (
    GELU,
    Affine,
    Attention,
    Embedding,
    LayerNorm,
    LearnedPositions,
    Network,
    Residual,
    init,
    losses,
)

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
parser.add_argument("--width", type=int, default=64, help="of what flows (%(default)s)")
parser.add_argument("--heads", type=int, default=4, help="of the attention (%(default)s)")
parser.add_argument("--blocks", type=int, default=2, help="one behind the other (%(default)s)")
text.add_arguments(parser, learning_rate=3e-3)
options = parser.parse_args()


def block() -> Network:
    """Attention, then a network of one hidden layer at each place."""
    attention = LayerNorm() >> Attention(options.heads, causal=True)
    place = LayerNorm() >> Affine(4 * options.width) >> GELU() >> Affine(options.width)
    return Residual(attention) >> Residual(place)


characters = text.read(options)
symbols = len(characters.vocabulary)
network = Embedding(symbols, options.width, E=init.normal(0.02))
network = network >> LearnedPositions(options.length)
for _ in range(options.blocks):
    network = network >> block()
network = network >> LayerNorm() >> Affine(symbols)
model = (network >> losses.CrossEntropy(integers=True)).with_axes(2)
parameters = text.train(model, characters, options)
print(f"\na sample:\n{text.sample(model, parameters, characters.vocabulary, options)}")
