"""Limbs instead of joints in heatmaps.py or heatmaps_boxes.py, in the order of PYSKL's limb configs."""

transform_defaults = dict(GeneratePoseTarget=dict(with_kp=False, with_limb=True, skeletons='posec3d'))
