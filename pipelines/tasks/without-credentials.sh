#!/usr/bin/env bash
# Copies a pull request without its credentials: github-pr-resource leaves the GitHub token in .git/config. The
# copy `change` is a new repository, with the merged commit checked out and the branch `base` at the base's commit.
# `about` has what the resource needs to comment, and nothing else.
set -euo pipefail
base=$(cat pull-request/.git/resource/base_sha)
[[ $base =~ ^[0-9a-f]{40}$ ]] || { echo "base_sha is no commit: $base" >&2; exit 1; }
mkdir -p about/.git
cp -R pull-request/.git/resource about/.git/
git -C pull-request branch --force handed-over-base "$base"
git -C pull-request branch --force handed-over-head HEAD
git init --quiet --initial-branch=none change
cd change
git fetch --quiet --no-tags --no-write-fetch-head ../pull-request \
    handed-over-base:refs/heads/base handed-over-head:refs/heads/pull-request
git -c advice.detachedHead=false -c core.hooksPath=/dev/null checkout --quiet --force pull-request
git --no-pager log -1 --format='%h %s'
