"""The renderer: batches, invariants of the picture, and that parameters do what they say."""

from dataclasses import fields, replace

import pytest
import torch
from talkbench.datasets.synthetic.identity import identity_of
from talkbench.datasets.synthetic.light import sensor_noise
from talkbench.datasets.synthetic.render import render
from talkbench.datasets.synthetic.rig import Motion, Rows, to_head, turn, turn_back, unfold
from talkbench.datasets.synthetic.sculpt import sculpt

SIZE = 96
PEOPLE = [replace(identity_of("test", 0, index), noise=0.0, glasses=index % 2) for index in range(2)]


@pytest.fixture(scope="module")
def scene():
    return sculpt(PEOPLE)


def motion(**values):
    frames = max(len(value) for value in values.values())
    still = Motion.still(frames)
    return replace(
        still, grain=torch.zeros(frames, dtype=torch.int64), **{n: torch.tensor(v) for n, v in values.items()}
    )


@pytest.mark.parametrize("at_once", [False, True])
def test_a_batch_of_people_and_poses_is_the_frames_one_by_one(scene, at_once):
    moves = motion(yaw=[0.0, 40.0, -60.0], open=[0.0, 0.6, 1.0])
    person = torch.tensor([0, 1, 1])
    together = render(scene, moves, person, SIZE, together=at_once)
    for index in range(3):
        one = Motion(**{f.name: getattr(moves, f.name)[index : index + 1] for f in fields(Motion)})
        alone = render(sculpt([PEOPLE[person[index]]]), one, size=SIZE)[0]
        off = (together[index].int() - alone.int()).abs()
        assert (off > 2).float().mean() < 0.002  # rounding may tip a ray over an edge


def test_nothing_to_render(scene):
    assert render(scene, Motion.still(0), size=SIZE).shape == (0, 3, SIZE, SIZE)


@pytest.mark.parametrize("size", [17, 50, 131])
def test_any_size(scene, size):
    assert render(scene, Motion.still(1), size=size).shape == (1, 3, size, size)


def changed(scene, **values):
    """Where the picture (H, W) changes with parameters, from the head at rest."""
    names = {name: [0.0 if name != "zoom" else 1.0, value] for name, value in values.items()}
    first, second = render(scene, motion(**names), size=SIZE).int()
    return (first - second).abs().amax(0) > 12


def centre(mask):
    rows, columns = mask.nonzero().float().T
    return float(rows.mean()) / SIZE, float(columns.mean()) / SIZE


def test_the_mouth_moves_below_the_eyes(scene):
    mouth, lids = changed(scene, open=0.9), changed(scene, blink=1.0)
    assert mouth.sum() > 100
    assert 0 < lids.sum() < mouth.sum()
    assert centre(mouth)[0] > centre(lids)[0] + 0.1
    assert centre(lids)[1] == pytest.approx(0.5, abs=0.05)


def test_an_open_mouth_is_dark_inside(scene):
    shut, wide = render(scene, motion(open=[0.0, 1.0]), size=SIZE).float().mean(1)
    assert (wide - shut).amin() < -60


def test_gaze_moves_only_the_eyes(scene):
    eyes = changed(scene, gaze_x=0.4)
    assert 0 < eyes.float().mean() < 0.02


def test_expression_leaves_the_hair_alone(scene):
    for name in ("smile", "open", "wide", "press", "tuck"):
        assert not changed(scene, **{name: 1.0})[: SIZE // 5].any(), name


def test_the_head_turns_the_way_it_says(scene):
    """Yaw > 0 brings the face to the right of the picture, roll > 0 the crown to the left."""
    table = motion(yaw=[30.0, 0.0, 0.0], pitch=[0.0, 20.0, 0.0], roll=[0.0, 0.0, 20.0]).table(scene.device)
    move = Rows(table, torch.arange(3))
    zero, one = torch.zeros(3), torch.ones(3)
    nose_x, nose_y, _ = turn(zero, zero, one, move)
    crown_x, _, _ = turn(zero, one, zero, move)
    assert nose_x[0] > 0.4
    assert nose_y[1] < -0.3
    assert crown_x[2] < -0.3


def test_poses_are_rotations(scene):
    table = motion(yaw=[50.0], pitch=[-13.0], roll=[7.0]).table(scene.device)
    move = Rows(table, torch.zeros(1, dtype=torch.int64))
    x, y, z = (torch.tensor([value]) for value in (0.3, -0.8, 0.5))
    there_and_back = turn_back(*turn(x, y, z, move), move)
    assert torch.allclose(torch.stack(there_and_back), torch.stack((x, y, z)), atol=1e-6)
    rotation = torch.stack([table[f"r{i}{j}"][0] for i in range(3) for j in range(3)]).view(3, 3)
    assert torch.det(rotation).item() == pytest.approx(1, abs=1e-6)


def test_the_face_at_rest_is_not_deformed(scene):
    table = motion(open=[0.0]).table(scene.device)
    index = torch.zeros(1, dtype=torch.int64)
    move, who = Rows(table, index), Rows({name: column[:1] for name, column in scene.people.items()}, index)
    points = torch.rand(3, 500) * 2 - 1
    x, y, z = points
    rest = torch.stack(unfold(x, y, z, move, who))
    assert (rest - points)[[0, 2]].abs().max() < 1e-6
    assert (rest - points)[1].abs().max() < 0.02  # the mouth line itself is slightly bent


def test_the_mouth_opens_downwards_and_the_jaw_does_not_fold(scene):
    """Along a vertical line down the face the way back to the face at rest never turns round."""
    table = motion(open=[1.0]).table(scene.device)
    index = torch.zeros(1, dtype=torch.int64)
    move, who = Rows(table, index), Rows({name: column[:1] for name, column in scene.people.items()}, index)
    y = torch.linspace(1, -1.6, 500)
    for across in (0.0, 0.1, 0.3):
        rest = unfold(torch.full_like(y, across), y, torch.full_like(y, 0.6), move, who)[1]
        assert (rest.diff() <= 1e-6).all()


def test_translation_moves_the_head(scene):
    table = motion(x=[0.2]).table(scene.device)
    index = torch.zeros(1, dtype=torch.int64)
    move, who = Rows(table, index), Rows({name: column[:1] for name, column in scene.people.items()}, index)
    x, _, _ = to_head(torch.tensor([0.2]), torch.tensor([0.0]), torch.tensor([0.5]), move, who)
    assert x.item() == pytest.approx(0, abs=1e-6)


def test_neighbouring_frames_do_not_jump(scene):
    steps = torch.linspace(0, 3, 7)  # degrees: half a degree a frame
    frames = render(scene, motion(yaw=(20 + steps).tolist()), size=SIZE).float()
    change = (frames[1:] - frames[:-1]).abs().mean((1, 2, 3))
    assert change.max() < 2 * change.min() + 0.5


def test_camera_noise_is_gaussian_and_repeatable():
    seeds = torch.tensor([3, 4])
    noise = sensor_noise(seeds, 60000)
    assert torch.equal(noise, sensor_noise(seeds, 60000))
    assert torch.equal(noise[1:], sensor_noise(seeds[1:], 60000))
    assert noise.mean(1).abs().max() < 0.02
    assert (noise.std(1) - 1).abs().max() < 0.02
    assert abs(float((noise[0] * noise[1]).mean())) < 0.02
    assert abs(float((noise[0, 1:] * noise[0, :-1]).mean())) < 0.02


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_gpu_and_cpu_agree_up_to_rounding(scene):
    moves = motion(yaw=[0.0, 45.0], open=[0.2, 0.8])
    person = torch.tensor([0, 1])
    there = render(sculpt(PEOPLE, "cuda"), moves, person, SIZE).cpu().int()
    here = render(scene, moves, person, SIZE).int()
    assert ((there - here).abs() > 2).float().mean() < 0.005


def test_the_number_of_threads_changes_nothing(scene):
    before = torch.get_num_threads()
    moves = motion(yaw=[25.0], open=[0.5])
    try:
        torch.set_num_threads(2)
        two = render(scene, moves, size=SIZE)
        assert torch.get_num_threads() == 2
        torch.set_num_threads(1)
        assert torch.equal(render(scene, moves, size=SIZE), two)
    finally:
        torch.set_num_threads(before)
