"""People who just speak: python -m models.speech.plain_speech --sources DIR --out DATA/plain_speech

DIR holds the repositories of SOURCES, each in a folder of its name; what is not there is passed over. A few sentences
of each speaker are written to --out; then DATA can be given to `scripts/train speech`. The teacher alone has something
to say about them: nobody knows how these people felt.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import soundfile

from edge.readings import SAMPLE_RATE
from models.speech.corpora import SUFFIXES
from models.speech.recordings import read_clip

_LONGEST_S = 15.0
_COMPRESSION = 0.9  # Opus at about 24 kbit/s


@dataclass(frozen=True)
class Source:
    """A public repository, and which of its recordings are taken."""

    repository: str
    terms: str
    folder: str
    speaker: Callable[[Path], str]
    most: int  # of each speaker
    without: tuple[str, ...] = ()  # speakers whom the models are measured on


SOURCES = (
    Source(
        "resemble-ai/Resemblyzer", "LibriSpeech, CC BY 4.0", "audio_data", lambda p: p.stem.split("-")[0], 3, ("6097",)
    ),
    Source(
        "hooria-malik/speech-preprocessing-librispeech",
        "LibriSpeech, CC BY 4.0",
        "test-clean",
        lambda p: p.stem.split("-")[0],
        4,
    ),
    Source(
        "jimbozhang/speechocean762", "free for any use, as its owners say", "WAVE", lambda p: p.parent.name.lower(), 3
    ),
    Source(
        "Picovoice/speech-to-intent-benchmark", "Apache-2.0", "data/speech/clean", lambda p: f"order{p.stem[:2]}", 2
    ),
    Source("rhasspy/dataset-voice-kerstin", "CC0", "verified", lambda _: "kerstin", 60),
    Source("rhasspy/dataset-voice-nathalie", "CC0", "verified", lambda _: "nathalie", 80),
    Source("rhasspy/dataset-voice-flemishguy", "CC0", "wavs", lambda _: "flemishguy", 60),
    Source("daniel-dona/voice-dataset", "GPL-3.0", "wav", lambda _: "daniel", 50),
)


def chosen(folder: Path, source: Source) -> Iterator[tuple[str, Path]]:
    """Speakers and recordings, spread over what there is of each."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    by_speaker: dict[str, list[Path]] = {}
    for path in sorted(found, key=lambda path: (zlib.crc32(path.name.encode()), path)):
        by_speaker.setdefault(source.speaker(path), []).append(path)
    for speaker in sorted(set(by_speaker).difference(source.without)):
        yield from ((speaker, path) for path in islice(by_speaker[speaker], source.most))


def main() -> None:
    """Write the chosen ones, with the speaker in front of their names."""
    parser = argparse.ArgumentParser(prog="python -m models.speech.plain_speech", description=__doc__)
    parser.add_argument("--sources", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for source in SOURCES:
        seconds, people = 0.0, set()
        folder = asked.sources / source.repository.split("/")[1] / source.folder
        for speaker, path in chosen(folder, source) if folder.is_dir() else ():
            samples = read_clip(path)[: int(_LONGEST_S * SAMPLE_RATE)]
            name = f"{speaker}_{path.stem.replace('_', '-')}.opus"
            soundfile.write(
                asked.out / name, samples, SAMPLE_RATE, format="OGG", subtype="OPUS", compression_level=_COMPRESSION
            )
            seconds += len(samples) / SAMPLE_RATE
            people.add(speaker)
        print(f"{source.repository}: {len(people)} speakers, {seconds / 60:.0f} minutes ({source.terms})", flush=True)


if __name__ == "__main__":
    main()
