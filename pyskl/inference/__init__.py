"""From images or keypoints to who does what, when."""
