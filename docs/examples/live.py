"""Follow the people in a video, as the service would before a camera.  python live.py party.mp4"""

import sys

import cv2

from edge import Pipeline

video = cv2.VideoCapture(sys.argv[1])
pipeline = Pipeline()
while True:
    there, frame = video.read()
    if not there:
        break
    second = video.get(cv2.CAP_PROP_POS_MSEC) / 1000
    for message in pipeline.frame(frame, second):
        if message.topic == "state":
            print(f"{second:5.1f} s  {message.payload.label}, {message.payload.people} in view", flush=True)
