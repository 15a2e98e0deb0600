#!/usr/bin/env bash
# Takes over the comment that code of the pull request wrote, as text: a link would show a file of this worker or of
# the next step. A zero-width space makes mentions, references to issues, entities, links, pictures and HTML plain
# text; only the tags of `deploy/summary.py` stay. The first line says who wrote it: a tag could hide the last one.
set -euo pipefail
comment=comment/comment.md
export LC_ALL=C
space=$'\xe2\x80\x8b' mark=$'\x01'
plain() {
    tr -d '\000-\010\013-\037\177' | sed -E \
        -e "s/[@&]/&$space/g; s/(#|[Gg][Hh]-)([0-9])/\1$space\2/g; s/([]!])([[(:])/\1$space\2/g" \
        -e "s#:/#:$space/#g; s/([Ww][Ww][Ww])\./\1$space./g" \
        -e "s/<(\/?)(details|summary|code|br)>/$mark\1\2>/g; s/</<$space/g; s/$mark/</g"
}
{
    printf '%s\n\n' "This text was written by the code of the pull request."
    if [ -f "$comment" ] && [ ! -L "$comment" ]; then
        # GitHub takes 65536 characters. The second cut reads on, so that sed does not fail; iconv leaves out what is
        # not UTF-8, also at the cuts.
        head -c 60000 "$comment" | plain | { head -c 60000 && cat >/dev/null; } | { iconv -c -f UTF-8 -t UTF-8 2>/dev/null || true; }
    else
        echo "The preview left no readable comment."
    fi
} >checked/comment.md
