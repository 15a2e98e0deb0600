#!/usr/bin/env bash
# Commits to the repository of plans: a plan, for the job that a person starts; with RELEASED=yes, that the plan
# has been released (released/STACK).
set -euo pipefail
: "${STACK:?which stack}"
. platform/pipelines/tasks/plans.sh
links=$(find plans plan -name .git -prune -o -type l -print)
[ -z "$links" ] || { echo "there are symbolic links in the repository of plans: $links" >&2; exit 2; }
cp -R plans/. kept
cd kept
digest=$(digest_of "../plan/$STACK.json")
if [ -n "${RELEASED:-}" ]; then
    mkdir -p released
    echo "$digest" >"released/$STACK"
else
    cp "../plan/$STACK.json" "../plan/$STACK.txt" .
fi
git add --all
git -c user.name=Concourse -c user.email=concourse@example.org commit --quiet --allow-empty \
    -m "$STACK: plan $digest${RELEASED:+ released}"
git --no-pager show --stat --format=%s
