#!/usr/bin/env bash
# A job ended by no doing of its own: a worker was lost, or something took too long.
set -euo pipefail
cd platform
python3 tools/setup.py
.venv/bin/python -m deploy notify "$TEXT" </dev/null
