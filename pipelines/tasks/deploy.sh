#!/usr/bin/env bash
# Runs the driver as a stack's deployer: deploy.sh plan | up | smoke | drift, in a folder with `platform`.
# REHEARSE=yes does the same on simulated clouds; the tests do. PYTHON is one that is set up already.
set -euo pipefail
: "${STACK:?which stack}"
private=$(mktemp -d)
trap 'rm -rf "$private"' EXIT

python=${PYTHON:-$PWD/platform/.venv/bin/python}
[ -n "${PYTHON:-}" ] || (cd platform && python3 tools/setup.py)
where=()
if [ -n "${REHEARSE:-}" ]; then
    where=(--rehearse)
else
    export PULUMI_HOME=$PWD/.pulumi # a cache of the task
    . platform/pipelines/tasks/login.sh
fi

deploy() { (cd platform && "$python" -m deploy "$@"); }
told() { # runs the driver and keeps what it says
    local status=0
    deploy "$@" 2>&1 | tee "$private/said" || status=$?
    return "$status"
}

status=0
case $1 in
plan)
    told preview "$STACK" "${where[@]}" --plan "$PWD/plan/$STACK.json" || status=$?
    cp "$private/said" "plan/$STACK.txt"
    ;;
up) told up "$STACK" "${where[@]}" --plan "$PWD/plans/$STACK.json" ${RUNS_ON:+--runs-on "$RUNS_ON"} || status=$? ;;
smoke) told smoke "$STACK" "${where[@]}" ${FOR:+--for "$FOR"} || status=$? ;;
drift)
    told drift "$STACK" "${where[@]}" || status=$?
    if [ -n "${REPOSITORY:-}" ] && { [ "$status" = 0 ] || [ "$status" = 4 ]; }; then
        close=()
        [ "$status" = 4 ] || close=(--close)
        deploy issue "Drift of $STACK" --repository "$REPOSITORY" "${close[@]}" <"$private/said"
    fi
    ;;
*) echo "deploy.sh: what is '$1'? plan, up, smoke or drift" >&2; exit 2 ;;
esac

if [ -n "${SLACK_WEBHOOK:-}" ] && { [ "$status" != 0 ] || [ "$1" = up ]; }; then
    deploy notify "$1 of $STACK: $([ "$status" = 0 ] && echo done || echo "ended with $status")" <"$private/said"
fi
exit "$status"
