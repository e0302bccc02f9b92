"""Networks that turn key points into feature maps, one paper a file; importing the package registers them."""

from pyskl.models.backbones.ske2grid import Ske2Grid
from pyskl.models.backbones.stgcn import STGCN

__all__ = ['STGCN', 'Ske2Grid']
