#!/usr/bin/env bash
# Lists the stacks with a stack file: every.json. alone.json has those that pipeline platform does not deploy.
set -euo pipefail
list() { printf '%s\n' "$@" | sed '/^$/d; s/.*/"&"/' | paste -sd, - | sed 's/.*/[&]/'; }

every=() alone=()
variables=project/pipelines/vars/platform.yml
[ -f "$variables" ] && [ ! -L "$variables" ] || { echo "$variables is no file" >&2; exit 2; }
for file in project/Pulumi.*.yaml; do
    stack=${file#project/Pulumi.}
    stack=${stack%.yaml}
    # The name becomes part of pipeline names and commands.
    [[ $stack =~ ^[a-z][a-z0-9]{1,11}$ ]] || { echo "$file: no name of a stack" >&2; exit 2; }
    every+=("$stack")
    grep -Eqx "  (try|release|own): $stack( .*)?" "$variables" || alone+=("$stack")
done
[ "${#every[@]}" -le 50 ] || { echo "more than 50 stack files" >&2; exit 2; }
[ "${#every[@]}" -gt 0 ] || { echo "there is no stack file" >&2; exit 2; } # an empty list would archive every pipeline
list "${every[@]}" >stacks/every.json
list "${alone[@]}" >stacks/alone.json
head stacks/*.json
