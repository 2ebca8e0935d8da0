"""The operator's view of the jobs: what is done without being asked, how it went, and one of them now."""

from __future__ import annotations

from strongroom.control import jobs_wire as wire
from strongroom.control.link import require_control
from strongroom.core.errors import Unavailable
from strongroom.core.jobs import JobState
from strongroom.flow.call import Call
from strongroom.flow.world import Jobs
from strongroom.http import json
from strongroom.http.message import Response


async def list_jobs(call: Call) -> Response:
    """Tell how every job is doing on this node, and who has the leases."""
    require_control(call)
    jobs = _jobs(call)
    return json.response(wire.JobList(jobs.node, [_show(one) for one in await jobs.states()]))


async def run_job(call: Call) -> Response:
    """Have a job run now, and tell how it ended; what takes longer goes on."""
    require_control(call)
    name = call.params["job"]
    call.properties["job"] = name
    return json.response(_show(await _jobs(call).run(name)))


def _jobs(call: Call) -> Jobs:
    jobs = call.world.jobs
    if jobs is None:
        raise Unavailable("The service has not begun with its jobs yet.")
    return jobs


def _show(state: JobState) -> wire.JobEntry:
    return wire.JobEntry(
        name=state.name,
        about=state.about,
        interval_seconds=state.interval_s,
        shared=state.is_shared,
        running=state.is_running,
        began=state.began,
        ended=state.ended,
        duration_seconds=state.duration_s,
        outcome=state.outcome,
        done=state.done,
        done_since_start=state.done_since_start,
        failures=state.failures,
        next_at=state.next_at,
        waiting=state.waiting,
        lease_holder=state.holder,
    )
