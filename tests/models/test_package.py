import pytest

from pyskl.models.recognizers import input_key
from tests.networks import NETWORKS, VOLUMES, network


def test_input_key_is_the_argument_that_takes_the_clips():
    assert network('STGCN').input_key == input_key({'type': 'RecognizerGCN'}) == 'keypoint'
    assert network('C3D').input_key == input_key({'type': 'Recognizer3D'}) == 'imgs'
    with pytest.raises(ValueError, match='did you mean'):
        input_key({'type': 'Recogniser3D'})


@pytest.mark.parametrize('name', NETWORKS)
def test_repr_states_the_joints_and_classes(name):
    text = repr(network(name))
    assert text.startswith(f'Recognizer{"3D" if name in VOLUMES else "GCN"}(\n  input_key=')
    assert ('joints=17' in text) == (name not in VOLUMES)
    assert 'num_classes=6' in text
