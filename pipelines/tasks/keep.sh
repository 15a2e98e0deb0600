#!/usr/bin/env bash
# Commits a plan, to pass it from the planning job to the job that a person starts.
set -euo pipefail
: "${STACK:?which stack}"
cp -R plans/. kept
cp "plan/$STACK.json" "plan/$STACK.txt" kept/
cd kept
git add --all
git -c user.name=Concourse -c user.email=concourse@example.org commit --quiet --allow-empty \
    -m "$STACK: $(sed -n 's/^ *"digest": "\(.*\)",$/plan \1/p' "$STACK.json")"
git show --stat --format=%s
