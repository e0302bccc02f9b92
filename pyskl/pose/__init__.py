"""From images to tracked skeletons."""
