"""Classifiers on top of a backbone; importing the package registers them."""

from pyskl.models.heads.gcn_head import GCNHead
from pyskl.models.heads.grid_head import GridHead
from pyskl.models.heads.i3d_head import I3DHead
from pyskl.models.heads.infogcn_head import InfoGCNHead
from pyskl.models.heads.simple_head import simple_head

__all__ = ['GCNHead', 'GridHead', 'I3DHead', 'InfoGCNHead', 'simple_head']
