"""Classifiers on top of a backbone; importing the package registers them."""

from pyskl.models.heads.gcn_head import GCNHead
from pyskl.models.heads.grid_head import GridHead

__all__ = ['GCNHead', 'GridHead']
