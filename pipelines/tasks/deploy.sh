#!/usr/bin/env bash
# Runs `python -m deploy` with the identity of the stack's deployer: deploy.sh plan | up | smoke | drift | drill.
# The working directory has the input `platform`. REHEARSE=yes uses simulated clouds, whose state is in the
# artifact `rehearsal`. With RELEASE_URL, a plan with changes is announced as one that waits for a person.
set -euo pipefail
: "${STACK:?which stack}"
private=$(mktemp -d)
trap 'rm -rf "$private"' EXIT

. platform/pipelines/tasks/python.sh "$PWD/platform"
. platform/pipelines/tasks/plans.sh
where=()
if [ -n "${REHEARSE:-}" ]; then
    where=(--rehearse --home "$PWD/rehearsal/$STACK")
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
smoke) recorded smoke "$STACK" "${where[@]}" ${FOR:+--for "$FOR"} ${WATCHDOG:+--watchdog} || status=$? ;;
drill) recorded drill "$STACK" "${where[@]}" || status=$? ;;
drift)
    recorded drift "$STACK" "${where[@]}" || status=$?
    if [ -n "${REPOSITORY:-}" ] && { [ "$status" = 0 ] || [ "$status" = 4 ]; }; then
        close=()
        [ "$status" = 4 ] || close=(--close)
        deploy issue "Drift of $STACK" --repository "$REPOSITORY" "${close[@]}" <"$private/output"
    fi
    ;;
*) echo "deploy.sh: unknown command '$1'; use plan, up, smoke, drift or drill" >&2; exit 2 ;;
esac

report() { [ -z "${SLACK_WEBHOOK:-}" ] || deploy notify "$1" <"$private/output"; }
if [ "$status" != 0 ]; then
    report "$1 of $STACK: failed with exit code $status"
elif [ "$1" = up ] || [ "$1" = drill ]; then
    report "$1 of $STACK: done"
elif [ "$1" = plan ] && [ -n "${RELEASE_URL:-}" ]; then
    changes_nothing "plan/$STACK.json" ||
        report "Plan $(digest_of "plan/$STACK.json") of $STACK waits for a person. Start the job to release it: $RELEASE_URL"
fi
exit "$status"
