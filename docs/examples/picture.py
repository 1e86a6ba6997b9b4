"""Who is in a picture, and what do they express?  python picture.py family.jpg"""

import sys

import cv2

from edge import Face

image = cv2.imread(sys.argv[1])
if image is None:
    sys.exit(f"{sys.argv[1]}: not a picture")
for face in Face().classify(image):
    x, y, width, height = face.box
    print(f"{face.label} {face.confidence:.0%} at {x:.0f},{y:.0f}, {width:.0f} x {height:.0f} pixels")
