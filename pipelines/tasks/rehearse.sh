#!/usr/bin/env bash
# Previews a pull request without credentials: brings its base up on simulated clouds and previews the pull
# request on top. It runs code of the pull request, so the task has no secrets.
set -euo pipefail
: "${STACK:?which stack}"
comment=$PWD/comment/comment.md
status=0
(
    . platform/pipelines/tasks/python.sh "$PWD/change"
    cd change
    "$python" -m deploy preview "$STACK" --rehearse --base base --markdown "$comment"
) >"$comment.output" 2>&1 || status=$?
cat "$comment.output"
if [ ! -s "$comment" ]; then # it failed before it wrote the comment
    {
        echo "### preview of \`$STACK\` failed with exit code $status"
        echo '```'
        tail -n 30 "$comment.output" | sed 's/```/'"'''"'/g'
        echo '```'
    } >"$comment"
fi
rm "$comment.output"
exit "$status"
