#!/usr/bin/env bash
# Sets up GitHub for the pipelines, once, as an administrator of the repository: pipelines/github.sh COMMAND.
#
#   webhooks    GitHub calls Concourse at each push. Needs WEBHOOK_TOKEN, the value of ((webhook-token))
#   plans       creates the repository of plans, with a first commit
#   protection  merges into the branch need a preview of each stack and an approval of the last push
#
# It needs gh (logged in) and jq. A second run of `webhooks` adds none that exists.
set -euo pipefail
cd "$(dirname "$0")/.."
vars=pipelines/vars/platform.yml
setting() { sed -n "s/^ *$1: *\([^ ]*\).*/\1/p" "$vars" | head -n 1; }
repository=$(setting name) branch=$(setting branch)
stacks=(Pulumi.*.yaml) # macOS has bash 3.2, without mapfile
stacks=("${stacks[@]#Pulumi.}")
stacks=("${stacks[@]%.yaml}")

hook() { # PIPELINE RESOURCE [STACK]
    local path
    path=$(setting concourse)/api/v1/teams/main/pipelines/$1/resources/$2/check/webhook
    if grep -qxF "$path ${3:-}" <<<"$existing"; then
        echo "webhook of $1${3:+, stack $3}: exists"
        return
    fi
    # The token goes by environment and standard input, not by arguments.
    jq -n --arg path "$path" --arg stack "${3:-}" '{
        name: "web", active: true, events: ["push"], config: {content_type: "json", url: (
            $path + "?webhook_token=" + env.WEBHOOK_TOKEN +
            if $stack == "" then "" else "&vars=" + ({stack: $stack} | tojson | @uri) end)}}' |
        gh api "repos/$repository/hooks" --method POST --input - --silent
    echo "webhook of $1${3:+, stack $3}: created"
}

case ${1:-} in
webhooks)
    : "${WEBHOOK_TOKEN:?the value of ((webhook-token))}"
    existing=$(gh api "repos/$repository/hooks?per_page=100" --jq '.[].config.url
        | capture("^(?<path>[^?]*)[?][^&]*(&vars=(?<vars>.*))?")
        | .path + " " + (((.vars // "") | capture("%22stack%22%3A%22(?<stack>[a-z0-9]+)").stack) // "")')
    hook reconfigure pipelines
    hook platform platform
    for stack in "${stacks[@]}"; do
        grep -Eqx "  (try|release|own): $stack( .*)?" "$vars" || hook environment platform "$stack"
    done
    ;;
plans)
    plans=$(setting plans)
    plans=${plans#*:}
    gh repo create "${plans%.git}" --private --add-readme
    ;;
protection)
    printf '%s\n' "${stacks[@]}" | jq -nR '{
        required_status_checks: {strict: false, contexts: [inputs | "concourse-ci/" + .]},
        required_pull_request_reviews: {
            required_approving_review_count: 1, dismiss_stale_reviews: true,
            require_last_push_approval: true, require_code_owner_reviews: true},
        enforce_admins: true, restrictions: null}' |
        gh api "repos/$repository/branches/$branch/protection" --method PUT --input - --silent
    echo "$branch of $repository is protected"
    ;;
*) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p;}' "$0" >&2; exit 2 ;;
esac
