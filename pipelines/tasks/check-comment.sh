#!/usr/bin/env bash
# Takes over the comment that code of the pull request wrote, as text: a link would show a file of this worker or of
# the next step, and a mention would call people.
set -euo pipefail
comment=comment/comment.md
if [ -f "$comment" ] && [ ! -L "$comment" ]; then
    head --bytes=60000 "$comment" | sed 's/@/@\xe2\x80\x8b/g' >checked/comment.md # GitHub takes 65536 characters
else
    echo "The preview left no readable comment." >checked/comment.md
fi
printf '\n\n%s\n' "This text was written by the code of the pull request." >>checked/comment.md
