"""Bones whose root has its coordinates, so that no information of the joints is lost."""

import numpy as np

from pyskl.datasets.pipelines.base import BaseTransform
from pyskl.registry import TRANSFORMS
from pyskl.skeletons import get_skeleton


@TRANSFORMS.register_module()
class RootBone(BaseTransform):
    """``x[v] - x[parent of v]``; the root, which is its own parent, stays where it is.

    Required Keys: keypoint
    Modified Keys: keypoint
    """

    def __init__(self, layout: str) -> None:
        self.parents = np.array(get_skeleton(layout).bone_parents)

    def transform(self, results: dict) -> dict:
        """``(M, T, V, C)`` joints -> same, bones."""
        joints = results['keypoint']
        has_parent = self.parents != np.arange(len(self.parents))
        results['keypoint'] = joints - joints[:, :, self.parents] * has_parent[:, None]
        return results
