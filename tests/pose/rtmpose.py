"""A network with the inputs and outputs of RTMPose that finds the brightest spot of an image."""

import numpy as np

from tests.pose.onnx_bytes import node, write_onnx

HEIGHT, WIDTH = 64, 48  # of its input


def rtmpose(path, joints, named=True):
    """RTMPose: even joints are in the brightest column and row of blue, odd ones of red; two bins per pixel."""
    channels = np.arange(joints) % 2 * 2
    nodes = [
        node('Gather', ['input', 'channels'], 'joints', axis=1),  # (1, K, H, W)
        node('ReduceMax', ['joints'], 'columns', axes=[2], keepdims=0),
        node('ReduceMax', ['joints'], 'rows', axes=[3], keepdims=0),
        node('Gather', ['columns', 'twice_x'], 'wide', axis=2),
        node('Gather', ['rows', 'twice_y'], 'high', axis=2),
        node('Mul', ['wide', 'scale'], 'simcc_x'),
        node('Mul', ['high', 'scale'], 'simcc_y'),
    ]
    count = joints if named else 'joints'
    return write_onnx(
        path, nodes, {'input': ['batch', 3, HEIGHT, WIDTH]},
        {'simcc_x': ['batch', count, 2 * WIDTH], 'simcc_y': ['batch', count, 2 * HEIGHT]},
        channels=channels, twice_x=np.arange(2 * WIDTH) // 2, twice_y=np.arange(2 * HEIGHT) // 2,
        scale=np.float32(0.25),
    )  # fmt: skip
