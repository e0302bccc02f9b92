"""Pictures of skeletons: one frame, a clip, a sheet of clips."""
