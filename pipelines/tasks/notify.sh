#!/usr/bin/env bash
# Reports a job that Concourse ended: its worker was lost or its timeout is over.
set -euo pipefail
. platform/pipelines/tasks/python.sh "$PWD/platform"
cd platform
"$python" -m deploy notify "$TEXT" </dev/null
