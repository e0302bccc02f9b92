"""Write small ONNX files without the package onnx, which needs another protobuf than MediaPipe 0.10.14.

Field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

import numpy as np

FLOAT, INT64 = 1, 7  # TensorProto.DataType
INT, INTS = 2, 7  # AttributeProto.AttributeType


def field(number: int, value) -> bytes:
    """A field of protobuf: an integer, or text, bytes or a message, which are stored with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def node(kind: str, inputs: list[str], output: str, **attributes) -> bytes:
    out = b''.join(field(1, name) for name in inputs) + field(2, output) + field(4, kind)
    for name, value in attributes.items():
        many = isinstance(value, list)
        values = b''.join(field(8, item) for item in value) if many else field(3, value)
        out += field(5, field(1, name) + values + field(20, INTS if many else INT))
    return out


def tensor(name: str, array: np.ndarray) -> bytes:
    kind, array = (FLOAT, array.astype('<f4')) if array.dtype.kind == 'f' else (INT64, array.astype('<i8'))
    return (
        b''.join(field(1, side) for side in array.shape) + field(2, kind) + field(8, name) + field(9, array.tobytes())
    )


def declared(name: str, shape: list[int | str]) -> bytes:
    dims = b''.join(field(1, field(2 if isinstance(side, str) else 1, side)) for side in shape)
    return field(1, name) + field(2, field(1, field(1, FLOAT) + field(2, dims)))


def write_onnx(path, nodes: list[bytes], inputs: dict, outputs: dict, **constants: np.ndarray):
    """Write a network; ``inputs`` and ``outputs`` are name -> shape, with text for variable sides."""
    graph = b''.join(field(1, one) for one in nodes) + field(2, 'graph')
    graph += b''.join(field(5, tensor(name, np.asarray(array))) for name, array in constants.items())
    graph += b''.join(field(11, declared(*item)) for item in inputs.items())
    graph += b''.join(field(12, declared(*item)) for item in outputs.items())
    path.write_bytes(field(1, 8) + field(7, graph) + field(8, field(1, '') + field(2, 17)))
    return path
