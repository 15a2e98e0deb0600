#!/usr/bin/env bash
# Lists the stacks with a stack file: every.json. alone.json has those that pipeline platform does not deploy.
set -euo pipefail
list() { printf '%s\n' "$@" | sed '/^$/d; s/.*/"&"/' | paste -sd, - | sed 's/.*/[&]/'; }

every=() alone=()
for file in project/Pulumi.*.yaml; do
    stack=${file#project/Pulumi.}
    stack=${stack%.yaml}
    # The name becomes part of pipeline names and commands.
    [[ $stack =~ ^[a-z][a-z0-9]{1,11}$ ]] || { echo "$file: no name of a stack" >&2; exit 2; }
    every+=("$stack")
    grep -Eqx "  (try|release|own): $stack( .*)?" project/pipelines/vars/platform.yml || alone+=("$stack")
done
[ "${#every[@]}" -gt 0 ] || { echo "there is no stack file" >&2; exit 2; } # an empty list would archive every pipeline
list "${every[@]}" >stacks/every.json
list "${alone[@]}" >stacks/alone.json
head stacks/*.json
