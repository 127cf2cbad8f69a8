"""The programs of a step as text: what stands behind the model's equations, and under which names."""

import pytest

from einprop import Program
from einprop.errors import InputError
from einprop.layers.model import Model
from einprop.training import SGD, ClipNorm, ClipValue
from einprop.training.assemble import Assembly

LOSS = Program("loss = mean[b]((x[b,i] w[i] + c - t[b])^2)", params="w c")


def assembly(program: Program = LOSS, **options: object) -> Assembly:
    return Assembly(Model.of(program), SGD(0.1, momentum=0.9), program.params, **options)  # type: ignore[arg-type]


def behind(text: str, start: str) -> list[str]:
    lines = text.splitlines()
    return lines[next(n for n, line in enumerate(lines) if line.startswith(start)) :]


def test_clipping_stands_between_gradient_and_update() -> None:
    run = assembly(clip=ClipValue(1.0)).fused
    assert behind(str(run.program), "w.clipped") == [
        "w.clipped[i] = clip(w.grad[i], -gradient.limit, gradient.limit)",
        "c.clipped = clip(c.grad, -gradient.limit, gradient.limit)",
        "w.velocity.new[i] = sgd.momentum w.velocity[i] + w.clipped[i]",
        "w.new[i] = w[i] - sgd.learning_rate w.velocity.new[i]",
        "c.velocity.new = sgd.momentum c.velocity + c.clipped",
        "c.new = c - sgd.learning_rate c.velocity.new",
        "output loss, step.guard, w.new[i], w.velocity.new[i], c.new, c.velocity.new",
    ]
    assert "step.guard = loss + sum[i](w.grad[i]) + c.grad" in str(run.program).splitlines()
    assert run.guard == "step.guard"
    assert assembly(Program("step = w x; loss = step^2", params="w")).guard == "step2.guard"
    assert run.donated == {
        "w.new": "w",
        "w.velocity.new": "w.velocity",
        "c.new": "c",
        "c.velocity.new": "c.velocity",
    }


def test_the_penalty_is_part_of_what_is_differentiated() -> None:
    text = str(assembly(penalised=True).fused.program)
    assert "objective = loss + l2.lambda * (sum[i](w[i]^2) + c^2) / l2.examples" in text
    assert "c.grad += 2 objective.grad l2.lambda c / l2.examples" in text


def test_gathering_and_update_share_the_totals() -> None:
    made = assembly(clip=ClipNorm(1.0))
    assert behind(str(made.gathering.program), "w.total") == [
        "w.total.new[i] = w.total[i] + batch.share w.grad[i]",
        "c.total.new = c.total + batch.share c.grad",
    ]
    assert str(made.update.program).splitlines()[0] == (
        "gradient.norm = sqrt(sum[i](w.total[i]^2) + c.total^2)"
    )
    assert made.update.guard is None
    assert "w.total" in made.update.program.inputs


def test_names_that_the_model_has_are_numbered() -> None:
    program = Program("sgd = x w; l2 = 2 sgd; batch = l2; loss = batch^2 + gradient", params="w")
    made = assembly(program, clip=ClipNorm(1.0), penalised=True)
    assert {"sgd2.momentum", "l22.lambda", "gradient2.limit"} <= {*made.fused.program.inputs}
    assert "batch2.share" in made.gathering.program.inputs


def test_there_is_one_loss() -> None:
    with pytest.raises(InputError, match="the model has the outputs a, b; training needs one"):
        _ = assembly(Program("a = w; b = 2 w", params="w")).fused
