from __future__ import annotations

import asyncio
from pathlib import Path

from steersman.kit.clock import VirtualClock
from steersman.rehearsal.reporter import Recorder, Told
from steersman.rehearsal.story import tell_story
from tests.support.golden import assert_golden


def line_of(told: Told) -> str:
    if told.report is None:
        return f"{told.what}: {told.text}"
    items = told.report["items"]
    return "\n".join(
        "status: {cluster} {kind}/{name} {ready} {revision}".format(**item) for item in items
    )


async def test_the_story_of_the_demo_is_told_to_the_letter(tmp_path: Path) -> None:
    clock = VirtualClock(asyncio.get_running_loop())
    recorder = Recorder()
    report = await tell_story(tmp_path, clock=clock, reporter=recorder)
    assert report.all_ready
    assert_golden("scenario/story.txt", "\n".join(map(line_of, recorder.told)) + "\n")
