"""A character model: an embedding, a long short-term memory, and the next character's logits.

python examples/text_lstm.py --text input.txt
"""

import argparse

from support import text

from einprop.layers import LSTM, Affine, Embedding, losses

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
parser.add_argument("--width", type=int, default=128, help="of the state (%(default)s)")
text.add_arguments(parser)
options = parser.parse_args()

characters = text.read(options)
symbols = len(characters.vocabulary)
network = Embedding(symbols, 32) >> LSTM(options.width) >> Affine(symbols)
model = (network >> losses.CrossEntropy(integers=True)).with_axes(2)
parameters = text.train(model, characters, options)
print(f"\na sample:\n{text.sample(model, parameters, characters.vocabulary, options)}")
