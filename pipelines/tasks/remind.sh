#!/usr/bin/env bash
# Reminds of plans that nobody has released for DAYS days: those newer than the last release of their stack.
set -euo pipefail
. platform/pipelines/tasks/python.sh "$PWD/platform"
. platform/pipelines/tasks/plans.sh
cd plans
for file in ./*.json; do
    stack=${file#./}
    stack=${stack%.json}
    # Others write to this repository too: no other names, and no links.
    [[ $stack =~ ^[a-z][a-z0-9]{1,11}$ && ! -L $file && ! -L $stack.txt && ! -L released/$stack ]] || continue
    digest=$(digest_of "$file")
    if changes_nothing "$file" || [ "$(cat "released/$stack" 2>/dev/null)" = "$digest" ]; then
        continue
    fi
    released=$(git --no-pager log -1 --format=%H -- "released/$stack")
    waiting=$(git --no-pager log --format=%ct "${released:+$released..}HEAD" -- "$file" | tail -n 1)
    days=$((($(date +%s) - waiting) / 86400))
    echo "$stack: plan $digest, waiting for $days days"
    [ "$days" -lt "${DAYS:?}" ] ||
        (cd ../platform && "$python" -m deploy notify \
            "Nobody has released $stack for $days days. Plan $digest waits: $URL" <"../plans/$stack.txt")
done
