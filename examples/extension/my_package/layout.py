"""A skeleton of five joints."""

from pyskl.skeletons import add_skeleton

STICK = add_skeleton(
    {
        'name': 'stick',
        'joints': ['head', 'hip', 'left_hand', 'right_hand', 'foot'],
        'bones': [('head', 'hip'), ('left_hand', 'head'), ('right_hand', 'head'), ('foot', 'hip')],
        'left': ['left_hand'],
        'right': ['right_hand'],
        'center': 'hip',
    }
)
