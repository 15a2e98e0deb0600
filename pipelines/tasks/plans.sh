# Sourced. What a file with a plan says (deploy/approval.py writes it).
digest_of() { sed -n 's/^ *"digest": "\(.*\)",$/\1/p' "$1"; }
changes_nothing() { grep -q '"operations": {}' "$1"; }
