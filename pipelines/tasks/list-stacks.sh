#!/usr/bin/env bash
# Which environments there are: those with a stack file. `alone` are those that pipeline platform leaves.
set -euo pipefail
list() { printf '%s\n' "$@" | sed '/^$/d; s/.*/"&"/' | paste -sd, - | sed 's/.*/[&]/'; }

every=() alone=()
for file in project/Pulumi.*.yaml; do
    stack=${file#project/Pulumi.}
    stack=${stack%.yaml}
    # The name goes into names of pipelines and into commands.
    [[ $stack =~ ^[a-z][a-z0-9]{1,11}$ ]] || { echo "$file: no name of a stack" >&2; exit 2; }
    every+=("$stack")
    grep -Eqx "  (try|release|own): $stack( .*)?" project/pipelines/vars/platform.yml || alone+=("$stack")
done
[ "${#every[@]}" -gt 0 ] || { echo "no stack file at all" >&2; exit 2; } # an empty list would archive every pipeline
list "${every[@]}" >stacks/every.json
list "${alone[@]}" >stacks/alone.json
head stacks/*.json
