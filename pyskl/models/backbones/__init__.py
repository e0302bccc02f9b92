"""Networks that turn key points into feature maps, one paper per file; importing the package registers them."""

from pyskl.models.backbones.aagcn import AAGCN
from pyskl.models.backbones.c3d import C3D
from pyskl.models.backbones.ctrgcn import CTRGCN
from pyskl.models.backbones.dgstgcn import DGSTGCN
from pyskl.models.backbones.infogcn import InfoGCN
from pyskl.models.backbones.msg3d import MSG3D
from pyskl.models.backbones.resnet3d import ResNet3d, ResNet3dSlowOnly
from pyskl.models.backbones.sgn import SGN
from pyskl.models.backbones.ske2grid import Ske2Grid
from pyskl.models.backbones.stgcn import STGCN
from pyskl.models.backbones.x3d import X3D

__all__ = [
    'AAGCN',
    'C3D',
    'CTRGCN',
    'DGSTGCN',
    'InfoGCN',
    'MSG3D',
    'ResNet3d',
    'ResNet3dSlowOnly',
    'SGN',
    'STGCN',
    'Ske2Grid',
    'X3D',
]
