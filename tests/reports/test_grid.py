import numpy as np
import pytest

pytest.importorskip('matplotlib')

from pyskl.reports.charts import svg  # noqa: E402
from pyskl.reports.grid import Stage, cell_table, grid_chart, joint_colors, shares, standing  # noqa: E402
from pyskl.skeletons import get_skeleton  # noqa: E402

COCO = get_skeleton('coco')


def test_shares_of_a_cell_sum_to_one_and_an_empty_cell_stays_empty():
    assert shares(np.array([[3.0, -1.0], [0.0, 0.0]])).tolist() == [[0.75, 0.25], [0, 0]]


def test_cell_table_lists_the_joints_of_each_cell():
    weights = np.zeros((2, 17))
    weights[0, [9, 7]] = 3, 1
    weights[1, 0] = 2
    table = cell_table(Stage((1, 2), weights), COCO)
    assert table == [(0, 0, 'left_wrist 75 %, left_elbow 25 %'), (0, 1, 'nose 100 %')]


@pytest.mark.parametrize('layout', ['coco', 'nturgb+d', 'openpose', 'handmp'])
def test_every_joint_has_a_colour_and_a_position(layout):
    skeleton = get_skeleton(layout)
    assert len({tuple(color) for color in joint_colors(skeleton).round(3)}) == skeleton.num_joints
    position = standing(skeleton)
    assert position.shape == (skeleton.num_joints, 2) and position.min() >= 0 and position.max() <= 1


def test_the_chart_has_panels_for_the_body_each_stage_and_the_response():
    stage = Stage((2, 3), np.abs(np.random.RandomState(0).randn(6, 17)))
    chart = grid_chart([stage], COCO, responses=np.ones((2, 3)))
    assert [axes.get_title() for axes in chart.axes] == ['17 joints', '2 x 3 grid', 'mean response of the last block']
    assert svg(chart).startswith('<svg')
