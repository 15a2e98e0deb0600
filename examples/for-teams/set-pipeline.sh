#!/usr/bin/env bash
# Sets a pipeline as the team's service user, from outside Concourse: a program's way, without a browser and
# without fly. set-pipeline.sh TEAM PIPELINE FILE; CONCOURSE is its URL, PASSWORD that of svc-TEAM.
set -euo pipefail
team=${1:?team} pipeline=${2:?pipeline} file=${3:?file with the pipeline}
: "${CONCOURSE:?URL of Concourse}" "${PASSWORD:?password of svc-$team}"

# Credentials go by standard input; arguments are visible to other processes. fly's client and secret are public.
token=$(curl --fail --silent --show-error --config - "$CONCOURSE/sky/issuer/token" <<<"user = \"fly:Zmx5\"
data-urlencode = \"grant_type=password\"
data-urlencode = \"username=svc-$team\"
data-urlencode = \"password=$PASSWORD\"
data-urlencode = \"scope=openid profile email federated:id groups\"" | sed -n 's/.*"access_token": *"\([^"]*\)".*/\1/p')

api() { curl --silent --show-error --config - "$@" <<<"header = \"Authorization: Bearer $token\""; }
config=$CONCOURSE/api/v1/teams/$team/pipelines/$pipeline/config

# Concourse refuses a change of a version that somebody has changed since.
version=$(api --output /dev/null --dump-header - "$config" | tr "[:upper:]" "[:lower:]" |
    sed -n 's/^x-concourse-config-version: *\([0-9]*\).*/\1/p')
api --fail-with-body --request PUT --header "Content-Type: application/x-yaml" \
    ${version:+--header "X-Concourse-Config-Version: $version"} --data-binary "@$file" "$config"
api --fail-with-body --request PUT "${config%/config}/unpause"
