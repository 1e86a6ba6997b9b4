"""A real RTSP server with picture and tone, from GStreamer, run by the system's Python."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.helpers.broker import free_port

PYTHON = shutil.which("python3", path="/usr/bin")
_PROGRAM = """
import sys, gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
server = GstRtspServer.RTSPServer(address="127.0.0.1", service=sys.argv[1])
for path, launch in (("/both", sys.argv[2] + " " + sys.argv[3]), ("/mute", sys.argv[2])):
    factory = GstRtspServer.RTSPMediaFactory(shared=True)
    factory.set_launch("( " + launch + " )")
    server.get_mount_points().add_factory(path, factory)
server.attach(None)
print("up", flush=True)
GLib.MainLoop().run()
"""
_PICTURE = (
    "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=240,framerate=15/1"
    " ! jpegenc ! rtpjpegpay name=pay0"
)
_SOUND = "audiotestsrc is-live=true freq=440 ! audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay name=pay1"


@contextmanager
def rtsp_server() -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """Its port and its process; /both has picture and a tone of 440 Hz, /mute the picture alone."""
    port = free_port()
    words = [str(PYTHON), "-c", _PROGRAM, str(port), _PICTURE, _SOUND]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        try:
            yield port, process
        finally:
            process.kill()


def missing() -> str:
    """Why there can be no such server here; empty when there can."""
    if PYTHON is None:
        return "needs the system's Python"
    check = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst, GstRtspServer; Gst.init(None); assert Gst.ElementFactory.find('rtpjpegpay')"  # fmt: skip  # noqa: E501
    done = subprocess.run([PYTHON, "-c", check], capture_output=True, check=False)
    return "" if done.returncode == 0 else "needs gir1.2-gst-rtsp-server-1.0, python3-gi and gstreamer1.0-plugins-good"
