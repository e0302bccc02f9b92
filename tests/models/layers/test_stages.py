from pyskl.models.layers.stages import Stage, per_stage, stage_plan


def test_the_plan_of_st_gcn():
    plan = stage_plan(3, 64, 10, inflate_stages=[5, 8], down_stages=[5, 8])
    assert [stage.out_channels for stage in plan] == [64] * 4 + [128] * 3 + [256] * 3
    assert [stage.index for stage in plan if stage.stride == 2] == [5, 8]
    assert [stage.in_channels for stage in plan] == [3] + [stage.out_channels for stage in plan[:-1]]


def test_widths_of_a_ratio_that_is_not_whole_are_rounded_down():
    assert [stage.out_channels for stage in stage_plan(3, 10, 3, [2, 3], [], ratio=1.5)] == [10, 15, 22]


def test_the_first_stage_neither_widens_nor_halves():
    assert stage_plan(3, 8, 1, [1], [1]) == [Stage(1, 3, 8, 1)]


def test_a_first_stage_that_only_fits_channels_can_be_left_out():
    assert [stage.index for stage in stage_plan(8, 8, 3, [], [], skip_fitting=True)] == [2, 3]
    assert [stage.index for stage in stage_plan(3, 8, 3, [], [], skip_fitting=True)] == [1, 2, 3]


def test_only_a_tuple_of_the_right_length_is_one_item_per_stage():
    options = {'a': (1, 2), 'b': [1, 2], 'c': (1, 2, 3)}
    assert per_stage(options, 2) == [{**options, 'a': 1}, {**options, 'a': 2}]
