"""Concourse by team: builds, waiting steps, response times."""

from components.monitoring.dashboards.panels import (
    Choice,
    Dashboard,
    Limits,
    Query,
    Row,
    graph,
    table,
)
from components.monitoring.dashboards.selectors import API_SECONDS, WORKERS

CHOSEN = 'team=~"$team", pipeline=~"$pipeline"'
SUCCEEDED = f'concourse_builds_finished{{{CHOSEN}, status="succeeded"}}'
FAILED = f'concourse_builds_finished{{{CHOSEN}, status=~"failed|errored"}}'
NOT_SUCCEEDED = f"""topk(12,
  round(sum by (team, pipeline, exported_job, status) (
    increase(concourse_builds_finished{{{CHOSEN}, status!="succeeded"}}[$__range])
  )) >= 1
)"""
DURATION = f"rate(concourse_builds_duration_seconds_bucket{{{CHOSEN}}}[1h])"
RESULTS = ("succeeded", "failed", "errored", "aborted")

VARIABLES = (
    Choice("team", "Team", "Teams of Concourse", "label_values(concourse_builds_finished, team)"),
    Choice(
        "pipeline",
        "Pipeline",
        "Pipelines of the chosen teams",
        'label_values(concourse_builds_finished{team=~"$team"}, pipeline)',
    ),
)
TEAMS = (
    graph(
        "Builds of each team",
        "short",
        "Builds that finished in an hour. A job's first build after a restart of web is not counted.",
        Query(
            f"sum by (team) (increase(concourse_builds_finished{{{CHOSEN}}}[1h]))",
            "{{team}}",
        ),
        stacked=True,
    ),
    graph(
        "Builds that succeed",
        "percentunit",
        "Part of the builds of an hour that succeeded, of those that succeeded, failed or errored.",
        Query(
            f"sum by (team) (increase({SUCCEEDED}[1h])) / (sum by (team) (increase({SUCCEEDED}[1h]))"
            f" + (sum by (team) (increase({FAILED}[1h])) or 0 * sum by (team) (increase({SUCCEEDED}[1h]))))",
            "{{team}}",
        ),
        top=1,
    ),
    graph(
        "Duration of builds",
        "s",
        "Median of an hour, interpolated between Concourse's limits (1, 3, 5, 10 minutes …).",
        Query(f"histogram_quantile(0.5, sum by (le, team) ({DURATION}))", "{{team}}"),
    ),
    table(
        "Jobs that do not succeed",
        "short",
        "Builds that failed, errored or were aborted in the time range, by job.",
        NOT_SUCCEEDED,
        {
            "team": "Team",
            "pipeline": "Pipeline",
            "exported_job": "Job",
            "status": "Status",
            "Value": "Builds",
        },
        runbook="ConcourseBuildsErroring",
    ),
    graph(
        "Steps that wait for a worker",
        "short",
        "Steps that no worker has accepted yet. A queue that does not fall needs more workers or other tags.",
        Query('sum by (teamName) (concourse_steps_waiting{teamName=~"$team"})', "{{teamName}}"),
        limits=Limits(20),
        runbook="ConcourseStepsWaiting",
        stacked=True,
    ),
    graph(
        "Time that steps wait",
        "s",
        "95th percentile of the steps that got a worker in 15 minutes.",
        Query(
            "histogram_quantile(0.95, sum by (le, teamName) ("
            'rate(concourse_steps_wait_duration_bucket{teamName=~"$team"}[15m])))',
            "{{teamName}}",
        ),
        runbook="ConcourseStepsWaiting",
    ),
)
ALL = (
    graph(
        "Workers by state",
        "short",
        "`stalled` workers have stopped sending heartbeats; `landing` and `retiring` ones are shutting down.",
        Query(WORKERS, "{{state}}"),
        runbook="ConcourseWorkerStalled",
    ),
    graph(
        "Running builds",
        "short",
        "Builds of jobs, and checks of resources.",
        Query("sum(concourse_builds_running)", "builds"),
        Query("sum(concourse_builds_check_running)", "checks"),
    ),
    graph(
        "Builds by result",
        "cpm",
        "Finished builds per minute. `errored` means that Concourse could not run a build.",
        *(Query(f"60 * sum(rate(concourse_builds_{result}_total[5m]))", result) for result in RESULTS),
        runbook="ConcourseBuildsErroring",
        stacked=True,
    ),
    graph(
        "Checks",
        "cpm",
        "Checks of resources that started, per minute. Without checks no build is triggered.",
        Query("60 * sum(rate(concourse_lidar_checks_started_total[5m]))", "checks"),
        runbook="ConcourseChecksStopped",
    ),
    graph(
        "API response time",
        "s",
        "50th, 95th and 99th percentile, without routes that take as long as builds do.",
        *(
            Query(
                f"histogram_quantile({part}, sum by (le) (rate({API_SECONDS}[$__rate_interval])))",
                f"{100 * part:.0f} %",
            )
            for part in (0.5, 0.95, 0.99)
        ),
        limits=Limits(2),
        runbook="ConcourseApiSlow",
    ),
    graph(
        "Slowest routes of the API",
        "s",
        "95th percentile of the five slowest, without routes that take as long as builds do.",
        Query(
            f"topk(5, histogram_quantile(0.95, sum by (le, route) (rate({API_SECONDS}[$__rate_interval]))))",
            "{{route}}",
        ),
        runbook="ConcourseApiSlow",
    ),
    graph(
        "Errors in the log",
        "cpm",
        "Lines per minute, by message. If one repeats for minutes, that part of Concourse does nothing.",
        Query("topk(8, 60 * sum by (message) (rate(concourse_error_logs[5m])))", "{{message}}"),
        runbook="ConcourseSchedulerFailing",
    ),
    graph(
        "Requests that were refused",
        "cpm",
        "Requests over the limit of `CONCOURSE_CONCURRENT_REQUEST_LIMIT`, per minute, by action.",
        Query(
            "60 * sum by (action) (rate(concourse_concurrent_requests_limit_hit_total[5m]))",
            "{{action}}",
        ),
        runbook="ConcourseApiSlow",
    ),
)
DASHBOARD = Dashboard(
    "concourse",
    "Concourse",
    "Builds of each team, and how well Concourse serves them.",
    (Row("Teams", TEAMS), Row("All of Concourse", ALL)),
    VARIABLES,
)
