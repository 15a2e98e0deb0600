#!/usr/bin/env bash
# Reports a job that Concourse ended: its worker was lost or its timeout is over.
set -euo pipefail
cd platform
python3 tools/setup.py
.venv/bin/python -m deploy notify "$TEXT" </dev/null
