"""A rehearsal told to a terminal and to a record."""

from __future__ import annotations

import io

from steersman.cli.render.story import TerminalReporter
from steersman.cli.render.terminal import Terminal
from steersman.queries.status import StatusReport, status_of
from steersman.rehearsal.reporter import Recorder, Reporter, Told

REPORT = StatusReport.of([status_of({"kind": "Kustomization"}, "staging")])


def tell(reporter: Reporter) -> None:
    reporter.chapter("A push")
    reporter.command("git push")
    reporter.doing("pushing")
    reporter.waiting("waiting")
    reporter.done("pushed")
    reporter.failed("broken")
    reporter.excerpt("-a\n+b")
    reporter.status(REPORT)


def test_a_terminal_shows_talk_and_data_apart() -> None:
    out, err = io.StringIO(), io.StringIO()
    tell(TerminalReporter(Terminal(out, err, colour=False, progress=False), lambda: 1.25))
    assert err.getvalue() == (
        "\n1. A push  (1.2 s)\n  $ git push\n► pushing\n◎ waiting\n✔ pushed\n✗ broken\n"
    )
    assert out.getvalue() == (
        "    -a\n    +b\n"
        "CLUSTER  NAMESPACE  NAME            REVISION  SUSPENDED  READY    MESSAGE\n"
        "staging             kustomization/            False      Unknown  "
        "waiting to be reconciled\n"
    )


def test_a_record_keeps_all_but_the_waiting_and_passes_it_on() -> None:
    inner = Recorder()
    recorder = Recorder(inner)
    tell(recorder)
    assert recorder.told[:-1] == [
        Told(what="chapter", text="A push"),
        Told(what="command", text="git push"),
        Told(what="doing", text="pushing"),
        Told(what="done", text="pushed"),
        Told(what="failed", text="broken"),
        Told(what="excerpt", text="-a\n+b"),
    ]
    assert (recorder.told[-1].report or {})["kind"] == "StatusReport"
    assert inner.told == recorder.told
