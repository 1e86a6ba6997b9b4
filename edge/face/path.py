"""Frames in, in order; who is in view and what each face expresses out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from edge.config import schema
from edge.face.boxes import centre, scaled, without_doubles
from edge.face.classify import FaceClassifier
from edge.face.crop import crop_face
from edge.face.finder import Finder, SingleShot
from edge.face.motion_gate import MotionGate
from edge.face.pixels import relevelled
from edge.face.quality import detail_of, overall
from edge.face.search import Luma, Searcher, at_most
from edge.face.tracks import Track, Tracks
from edge.readings import FaceReading, FacesReading, Frame

_FINDER = partial(SingleShot, quick=True)
_WHOLE_EVERY = 4  # looks: the others are only close to known faces
_LOOK_S = 0.35  # since the last look: a head has moved farther by then than it can be followed
_CALM = 2  # times as long between two looks while nobody moves
_STIR_S = 0.3  # since the whole picture was searched
_QUIET_S = 1.0  # a room where nothing moves and nobody is known is searched this often
_KEEP_PLACE = 1.2  # who is counted already stays so until another is clearly larger
_STEADY = 2.5  # a face that does not change is classified so many times more rarely
_CHANGED = 0.3  # in spreads of its grey levels: an expression, a word or a turn of the head; noise is below


class FacePath:
    """Find, follow, crop, classify. Owned by one thread; time comes from the frames alone."""

    def __init__(
        self,
        settings: schema.FaceConfig,
        classifier: FaceClassifier | None = None,
        *,
        find: Callable[[float], Finder] = _FINDER,
    ) -> None:
        """`find` makes a finder for the score from which a face counts."""
        self._settings = settings
        self._classifier = classifier or FaceClassifier()
        self._looker = Searcher(find)
        self._tracks = Tracks()
        self._motion = MotionGate()
        self._start_over()

    def _start_over(self) -> None:
        self._tracks.reset()
        self._motion.reset()
        self._time = float("-inf")
        self._shape: tuple[int, ...] = ()
        self._since_look = 0  # frames
        self._close_looks = 0  # since the whole picture was searched
        self._whole_time = self._look_time = float("-inf")

    def apply(self, settings: schema.FaceConfig) -> None:
        """Use other settings from the next frame on; who is in view stays."""
        self._settings = settings

    def reset(self) -> None:
        """Forget everything about everybody."""
        self._start_over()

    def process(self, frame: Frame) -> FacesReading:
        """Everybody in view. `time` of a face is that of the frame it was last classified on."""
        luma = at_most(frame.luma)
        if frame.time < self._time or luma.shape != self._shape:
            self._start_over()  # another recording, or a camera turned or replaced
        self._time, self._shape = frame.time, luma.shape
        settings = self._settings
        self._tracks.follow(luma, frame.time, settings.forget_s)
        if self._look_is_due(luma, frame.time):
            self._look(luma, frame)
        self._since_look += 1
        self._tracks.forget(frame.time, settings.forget_s)
        faces = []
        down = frame.luma.shape[0] / luma.shape[0]
        for track in self._shown():
            if track.in_sight:
                box = scaled(track.box, frame.luma.shape[1] / luma.shape[1], down)
                track.movement.look(frame.luma, box, frame.time)
            else:
                track.movement.hidden()
            self._classify(track, frame, luma)
            if track.classified is not None:
                faces.append(_reading(track, frame.image.shape[0] / luma.shape[0]))
        return FacesReading(frame.time, frame.number, tuple(sorted(faces, key=lambda face: face.track)))

    def centres(self) -> dict[int, tuple[float, float]]:
        """Where each face is that counts, as shares of the picture's width and height."""
        height, width = self._shape
        return {track.number: (x / width, y / height) for track in self._shown() for x, y in [centre(track.box)]}

    def _look_is_due(self, luma: Luma, frame_time: float) -> bool:
        """Every so many frames, with each where frames are few, and at once while a new face waits to be confirmed.

        Half as often while all who are known sit still and nothing else moves: then nobody can have come.
        """
        if self._tracks.tentative:
            return True
        frames, seconds = self._since_look / self._settings.find_every, (frame_time - self._look_time) / _LOOK_S
        if frames < 1 and seconds < 1:
            return False
        return frames >= _CALM or seconds >= _CALM or not self._calm(luma)

    def _calm(self, luma: Luma) -> bool:
        tracks = self._tracks.all
        still = bool(tracks) and all(track.steady for track in tracks)
        return still and not self._motion.beside(luma, [track.box for track in tracks])

    def _look(self, luma: Luma, frame: Frame) -> None:
        settings = self._settings
        known = [track for track in self._tracks.all if not track.stillness.picture]
        quiet = not known and not self._motion.since_last(luma)
        if quiet and frame.time - self._whole_time < _QUIET_S:
            return
        self._since_look = 0
        self._look_time = frame.time
        self._looker.prepare(settings.min_score, settings.min_size * luma.shape[0] / frame.image.shape[0])
        lost = any(not track.in_sight for track in known)
        faces = self._looker.close(luma, [track.box for track in self._tracks.all])
        # What moves beside those who are known may be somebody who comes.
        boxes = [track.box for track in self._tracks.all]
        stirs = frame.time - self._whole_time >= _STIR_S and self._motion.beside(luma, boxes)
        if not known or lost or stirs or self._close_looks >= _WHOLE_EVERY - 1:
            self._close_looks = 0
            self._whole_time = frame.time
            self._motion.note(luma)
            faces = without_doubles([*faces, *self._looker.whole(luma, thorough=quiet)])
        else:
            self._close_looks += 1
        self._tracks.update(faces, luma, frame.time, settings)

    def _shown(self) -> list[Track]:
        """The largest faces that are people."""
        people = [track for track in self._tracks.known if not track.stillness.picture]
        people.sort(key=lambda t: (-t.box.height * (_KEEP_PLACE if t.shown else 1.0), t.number))
        chosen = people[: self._settings.max_people]
        for track in self._tracks.all:
            track.shown = track in chosen
        return chosen

    def _classify(self, track: Track, frame: Frame, luma: Luma) -> None:
        """Ask the model, if it is time to and the face is really there: more rarely while it does not change."""
        interval = 1.0 / self._settings.classify_hz
        if track.movement.change < _CHANGED:
            interval *= _STEADY
        due = track.classified is None or frame.time - track.classified >= interval - 1e-3
        if not due or not track.in_sight:
            return
        height, width = frame.image.shape[:2]
        box = scaled(track.box, width / luma.shape[1], height / luma.shape[0])
        crop = relevelled(crop_face(frame.image, box, self._classifier.side, self._classifier.margin), frame.levels)
        track.mirrored = not track.mirrored  # the mean of both ways round is better, and comes by itself over time
        track.probabilities = self._classifier.classify(crop, mirrored=track.mirrored)
        track.detail = detail_of(crop, box.height, track.pose, self._classifier.margin)
        track.quality = overall(track.detail, track.score) * min(1.0, max(0.0, track.match))
        track.classified = frame.time
        track.movement.judged()


def _reading(track: Track, down: float) -> FaceReading:
    assert track.classified is not None  # noqa: S101 - for the type checker; the caller has asked
    return FaceReading(
        track.classified, track.number, track.probabilities, track.quality, track.box.height * down,
        track.movement.mouth, track.movement.opening, track.detail,
    )  # fmt: skip
