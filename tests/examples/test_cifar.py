"""The examples on CIFAR-10: in short on made-up images, on the real ones where slow tests run."""

from __future__ import annotations

import importlib.util
import io
import re
import sys

import numpy as np
import pytest

from tests.data.cifar import batch, batches, write_archive, write_folder
from tests.examples.process import ROOT, run

SUPPORT = ROOT / "examples" / "support" / "cifar.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images whose classes have colours of their own, in the format of CIFAR-10."""
    contents = {name: batch(*content) for name, content in batches(60).items()}
    return write_folder(tmp_path_factory.mktemp("made-up"), contents)


def accuracies(told: str) -> list[float]:
    """What the lines of steps say."""
    return [float(found) for found in re.findall(r"^step .*accuracy (\S+)", told, re.MULTILINE)]


def test_the_practicals_network_learns(folder, tmp_path):
    arguments = ("--data_dir", folder, "--max_steps", 60, "--batch_size", 50, "--eval_freq", 20)
    told = run("cifar_mlp.py", *arguments, "--curves", "curves.txt", cwd=tmp_path)
    assert "h1[b,j] = relu(x[b,i] W1[i,j] + B1[j])" in told
    assert "no gradient dies" in told
    assert len(accuracies(told)) == 3
    assert accuracies(told)[-1] > 0.5
    assert "CIFAR-10: 3072-100-10, SGD: accuracy " in told
    curves = (tmp_path / "curves.txt").read_text(encoding="utf-8")
    assert f"    60  {accuracies(told)[-1]:6.1%}  #" in curves


def test_one_more_hidden_layer_is_diagnosed(folder, tmp_path):
    arguments = ("--data-dir", folder, "--max-steps", 20, "--batch-size", 50)
    told = run("cifar_mlp.py", *arguments, "--dnn_hidden_units", "100,100", cwd=tmp_path)
    assert re.search(
        r"dead gradient: h1.grad has \de-\d\d of the norm of y.grad; "
        r"it dies in layer 2: h2\[b,k\] = relu\(h1\[b,j\] W2\[j,k\] \+ B2\[k\]\)",
        told,
    )
    assert accuracies(told)[-1] < 0.3


def test_flags_choose_network_start_and_optimiser(folder, tmp_path):
    arguments = ("--data_dir", folder, "--max_steps", 2, "--batch_size", 20)
    others = ("--dnn_hidden_units", "12,7", "--optimizer", "Adam", "--weight_decay", 2e-3)
    told = run("cifar_mlp.py", *arguments, *others, "--init", "he_normal", cwd=tmp_path)
    assert "index j: feature1 < 12, k: feature2 < 7, l: feature3 < 10" in told
    assert "3072-12-7-10, Adam" in told


def test_the_convolution_network_learns(tmp_path):
    contents = {name: batch(*content) for name, content in batches(60).items()}
    archive = write_archive(tmp_path / "cifar-10-python.tar.gz", contents)
    arguments = ("--data_dir", archive, "--max_steps", 30, "--eval_freq", 15)
    small = ("--channels", "8,p,8,p", "--learning_rate", 0.03, "--test_images", 20)
    told = run("cifar_cnn.py", *arguments, *small, "--curves", "curves.txt", cwd=tmp_path)
    assert "next_running_mean2[f] = " in told
    assert len(accuracies(told)) == 2
    assert accuracies(told)[-1] > 0.5
    assert "CIFAR-10: 8,p,8,p, Adam: accuracy " in told
    assert (tmp_path / "curves.txt").exists()


@pytest.mark.parametrize("how", [(), ("--pooling", 2, "--start", "he")])
def test_pytorch_learns_the_same_from_the_same_weights(folder, tmp_path, how):
    pytest.importorskip("torch", reason="PyTorch is the yardstick")
    arguments = (
        "--data_dir",
        folder,
        "--max_steps",
        8,
        "--eval_freq",
        2,
        "--channels",
        "8,p,8,8,p",
    )
    losses = [
        re.findall(r"loss (\d\S*)", run("cifar_cnn.py", *arguments, *how, *library, cwd=tmp_path))
        for library in ((), ("--library", "pytorch"))
    ]
    assert len(losses[0]) == 8
    np.testing.assert_allclose(*[np.array(found, float) for found in losses], atol=1e-3)


def test_the_jpeg_copy_is_read_and_named(tmp_path, rng):
    image = pytest.importorskip("PIL.Image", reason="needs Pillow, to write and read JPEG")
    colours = rng.integers(256, size=(9, 1, 1, 3), dtype=np.uint8)
    pixels = np.broadcast_to(colours, (9, 32, 32, 3))
    streams = []
    for one in pixels:
        file = io.BytesIO()
        image.fromarray(one).save(file, "JPEG", quality=95)
        streams.append(file.getvalue())
    saved = {}
    for part, chosen in (("train", slice(0, 5)), ("test", slice(5, 9))):
        saved[f"{part}_jpeg"] = np.frombuffer(b"".join(streams[chosen]), np.uint8)
        saved[f"{part}_offset"] = np.cumsum([0, *map(len, streams[chosen])])
        saved[f"{part}_label"] = np.arange(9)[chosen]
    np.savez(tmp_path / "cifar10_jpeg.npz", **saved)
    specification = importlib.util.spec_from_file_location("support_cifar", SUPPORT)
    support = importlib.util.module_from_spec(specification)
    sys.modules["support_cifar"] = support
    specification.loader.exec_module(support)
    (train, test), what = support.read(tmp_path)
    assert what == "CIFAR-10, JPEG copy"
    assert [*train.labels, *test.labels] == list(range(9))
    read = np.concatenate([train.images, test.images]).astype(int)
    assert read.shape == (9, 32, 32, 3)
    assert abs(read - pixels).max() < 8


@pytest.fixture
def real(data_folder):
    """The copy of CIFAR-10 whose images went through JPEG."""
    pytest.importorskip("PIL.Image", reason="needs Pillow, to read JPEG")
    folder = data_folder("cifar10")
    if not (folder / "cifar10_jpeg.npz").is_file():
        pytest.skip(f"{folder} holds no cifar10_jpeg.npz")
    return folder


@pytest.mark.slow
def test_the_practicals_figures(real, tmp_path):
    """Measured: 45.5 %, and 10 % with one more hidden layer."""
    told = run("cifar_mlp.py", "--data_dir", real, cwd=tmp_path)
    assert 0.42 < accuracies(told)[-1] < 0.50
    told = run("cifar_mlp.py", "--data_dir", real, "--dnn_hidden_units", "100,100", cwd=tmp_path)
    assert set(accuracies(told)) == {0.1}


@pytest.mark.slow
def test_the_convolution_network_in_short(real, tmp_path):
    """300 steps of a narrow network, with a larger rate. Measured: 45 %."""
    arguments = ("--channels", "32,p,64,p,128,p", "--learning_rate", 1e-3, "--max_steps", 300)
    told = run("cifar_cnn.py", "--data_dir", real, *arguments, "--eval_freq", 300, cwd=tmp_path)
    assert accuracies(told)[-1] > 0.40
