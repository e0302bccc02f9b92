from pyskl.models.layers.stages import Stage, per_stage, stage_plan


def test_st_gcn_has_64_128_and_256_channels():
    plan = stage_plan(3, 64, 10, inflate_stages=[5, 8], down_stages=[5, 8])
    assert [stage.out_channels for stage in plan] == [64] * 4 + [128] * 3 + [256] * 3
    assert [stage.index for stage in plan if stage.stride == 2] == [5, 8]
    assert [stage.in_channels for stage in plan] == [3] + [stage.out_channels for stage in plan[:-1]]


def test_fractional_widths_are_rounded_down():
    assert [stage.out_channels for stage in stage_plan(3, 10, 3, [2, 3], [], ratio=1.5)] == [10, 15, 22]


def test_the_first_stage_neither_inflates_nor_downsamples():
    assert stage_plan(3, 8, 1, [1], [1]) == [Stage(1, 3, 8, 1)]


def test_skip_fitting_leaves_out_a_first_stage_of_equal_channels():
    assert [stage.index for stage in stage_plan(8, 8, 3, [], [], skip_fitting=True)] == [2, 3]
    assert [stage.index for stage in stage_plan(3, 8, 3, [], [], skip_fitting=True)] == [1, 2, 3]


def test_only_a_tuple_of_num_stages_items_is_split_per_stage():
    options = {'a': (1, 2), 'b': [1, 2], 'c': (1, 2, 3)}
    assert per_stage(options, 2) == [{**options, 'a': 1}, {**options, 'a': 2}]
