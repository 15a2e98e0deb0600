#!/usr/bin/env bash
# What a pull request changes, without a credential: its base is brought up on simulated clouds, and the pull
# request is previewed on top. Runs what the pull request says: it gets nothing to give away.
set -euo pipefail
: "${STACK:?which stack}"
python=${PYTHON:-$PWD/pull-request/.venv/bin/python}
comment=$PWD/comment/comment.md
cd pull-request
base=${BASE:-$(cat .git/resource/base_sha)}
status=0
{
    { [ -n "${PYTHON:-}" ] || python3 tools/setup.py; } &&
        "$python" -m deploy preview "$STACK" --rehearse --base "$base" --markdown "$comment"
} >"$comment.said" 2>&1 || status=$?
cat "$comment.said"
if [ ! -s "$comment" ]; then # it did not come as far as a comment of its own
    {
        echo "### preview of \`$STACK\` ended with $status"
        echo '```'
        tail -n 30 "$comment.said" | sed 's/```/'"'''"'/g'
        echo '```'
    } >"$comment"
fi
rm "$comment.said"
exit "$status"
