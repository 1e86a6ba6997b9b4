"""Cameras, microphones and recordings behind one small interface, and the loop that keeps them running."""

import os

# Read by OpenCV when its first capture is made. FFmpeg's own messages are cryptic and may show a password.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "1")  # seconds; 10 would hold up the privacy switch
