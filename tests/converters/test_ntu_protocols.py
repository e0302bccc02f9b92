import pytest

from pyskl.converters.ntu_protocols import (
    PUBLISHED_COUNTS,
    RECORDINGS,
    TRAIN_SUBJECTS,
    absent_names,
    make_splits,
    parse_name,
    whole_range,
)


def test_half_of_the_subjects_train():
    assert len(TRAIN_SUBJECTS) == 53  # of 106
    assert len([subject for subject in TRAIN_SUBJECTS if subject <= 40]) == 20  # of 40


def test_published_counts_add_up():
    for classes, total in ((60, 56578), (120, 113945)):
        counts = PUBLISHED_COUNTS[classes]
        for protocol in {split.split('_')[0] for split in counts}:
            assert counts[f'{protocol}_train'] + counts[f'{protocol}_val'] == total


def test_recordings_have_360_clips_including_missing_ones():
    for classes, missing in ((60, 302), (120, 535)):
        counts = PUBLISHED_COUNTS[classes]
        assert counts['xsub_train'] + counts['xsub_val'] + missing == RECORDINGS[classes] * 360


def test_absent_clips_belong_to_existing_recordings():
    whole = absent_names(['S018C001P050R001A061'])
    assert len(whole) == 359
    assert (whole[0], whole[-1]) == ('S018C001P050R001A062', 'S018C003P050R002A120')
    assert absent_names([*whole[1:], 'S018C001P050R001A061']) == ['S018C001P050R001A062']
    assert absent_names([]) == []
    assert all(parse_name(name).action <= 60 for name in absent_names(['S017C001P050R001A060']))


def test_ranges_of_the_sets():
    assert [whole_range('setup', classes)[-1] for classes in (60, 120)] == [17, 32]
    assert [whole_range('performer', classes)[-1] for classes in (60, 120)] == [40, 106]
    assert list(whole_range('camera', 60)) == [1, 2, 3]


def test_splits_go_by_subject_and_camera_or_setup():
    names = ['S001C001P001R001A001', 'S001C002P003R001A060', 'S002C003P038R002A001', 'S018C001P103R001A061']
    assert make_splits(names[:3], 60) == {
        'xsub_train': [names[0], names[2]],
        'xsub_val': [names[1]],
        'xview_train': names[1:3],
        'xview_val': [names[0]],
    }
    assert make_splits(names, 120) == {
        'xsub_train': [names[0], names[2], names[3]],
        'xsub_val': [names[1]],
        'xset_train': names[2:],
        'xset_val': names[:2],
    }


@pytest.mark.parametrize(
    ('name', 'why'),
    [
        ('S001C001P001R001', 'form S001C001P001R001A001'),
        ('S001C001P001R001A001_rgb', 'form S001C001P001R001A001'),
        ('S033C001P001R001A001', 'setup 33; it must be 1 to 32'),
        ('S001C004P001R001A001', 'camera 4; it must be 1 to 3'),
        ('S001C001P000R001A001', 'performer 0'),
        ('S001C001P001R001A061', 'action 61 in setup 1'),
        ('S018C001P001R001A060', 'action 60 in setup 18'),
    ],
)
def test_invalid_names_raise(name, why):
    with pytest.raises(ValueError, match=why):
        parse_name(name)
