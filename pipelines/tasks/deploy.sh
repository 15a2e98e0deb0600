#!/usr/bin/env bash
# Runs `python -m deploy` with the identity of the stack's deployer: deploy.sh plan | up | smoke | drift.
# The working directory has the input `platform`. REHEARSE=yes uses simulated clouds, as the tests do. PYTHON is
# the path of a Python that is set up already.
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
    export PULUMI_HOME=$PWD/.pulumi # cached by the task
    . platform/pipelines/tasks/login.sh
fi

deploy() { (cd platform && "$python" -m deploy "$@"); }
recorded() { # keeps the output
    local status=0
    deploy "$@" 2>&1 | tee "$private/output" || status=$?
    return "$status"
}

status=0
case $1 in
plan)
    recorded preview "$STACK" "${where[@]}" --plan "$PWD/plan/$STACK.json" || status=$?
    cp "$private/output" "plan/$STACK.txt"
    ;;
up) recorded up "$STACK" "${where[@]}" --plan "$PWD/plans/$STACK.json" ${RUNS_ON:+--runs-on "$RUNS_ON"} || status=$? ;;
smoke) recorded smoke "$STACK" "${where[@]}" ${FOR:+--for "$FOR"} || status=$? ;;
drift)
    recorded drift "$STACK" "${where[@]}" || status=$?
    if [ -n "${REPOSITORY:-}" ] && { [ "$status" = 0 ] || [ "$status" = 4 ]; }; then
        close=()
        [ "$status" = 4 ] || close=(--close)
        deploy issue "Drift of $STACK" --repository "$REPOSITORY" "${close[@]}" <"$private/output"
    fi
    ;;
*) echo "deploy.sh: unknown command '$1'; use plan, up, smoke or drift" >&2; exit 2 ;;
esac

if [ -n "${SLACK_WEBHOOK:-}" ] && { [ "$status" != 0 ] || [ "$1" = up ]; }; then
    deploy notify "$1 of $STACK: $([ "$status" = 0 ] && echo done || echo "failed with exit code $status")" <"$private/output"
fi
exit "$status"
