"""Networks that turn key points into feature maps, one paper a file; importing the package registers them."""

from pyskl.models.backbones.aagcn import AAGCN
from pyskl.models.backbones.ctrgcn import CTRGCN
from pyskl.models.backbones.dgstgcn import DGSTGCN
from pyskl.models.backbones.msg3d import MSG3D
from pyskl.models.backbones.sgn import SGN
from pyskl.models.backbones.ske2grid import Ske2Grid
from pyskl.models.backbones.stgcn import STGCN

__all__ = ['AAGCN', 'CTRGCN', 'DGSTGCN', 'MSG3D', 'SGN', 'STGCN', 'Ske2Grid']
