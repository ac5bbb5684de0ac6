"""An IP camera: GStreamer's RTSP server, which plays a test picture. Run by the Python of the system, which has its
bindings (Debian: gir1.2-gst-rtsp-server-1.0): rtsp_camera.py PORT [user password [digest]].

/silent has no sound, /sound has sound.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

PICTURE = (
    "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1 ! "
    "openh264enc gop-size=25 ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=1"
)
SOUND = "audiotestsrc is-live=true ! audioconvert ! audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay name=pay1"


def main() -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(sys.argv[1])
    if len(sys.argv) > 3:
        auth = GstRtspServer.RTSPAuth()
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "viewer")
        if sys.argv[4:] == ["digest"]:
            auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
            auth.add_digest(sys.argv[2], sys.argv[3], token)
        else:
            auth.add_basic(GstRtspServer.RTSPAuth.make_basic(sys.argv[2], sys.argv[3]), token)
        server.set_auth(auth)
    mounts = server.get_mount_points()
    for path, pipeline in {"/silent": PICTURE, "/sound": f"{PICTURE} {SOUND}"}.items():
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(f"( {pipeline} )")
        factory.set_shared(True)
        if len(sys.argv) > 3:
            factory.add_role_from_structure(role())
        mounts.add_factory(path, factory)
    server.attach(None)
    GLib.MainLoop().run()


def role() -> "Gst.Structure":
    structure = Gst.Structure.new_empty("viewer")
    structure.set_value("media.factory.access", True)
    structure.set_value("media.factory.construct", True)
    return structure


if __name__ == "__main__":
    main()
