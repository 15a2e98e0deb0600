# Operators may manage the secrets in Concourse's subtree.
path "secret/data/concourse/*" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
path "secret/metadata/concourse/*" {
  capabilities = ["list", "read", "delete"]
}
path "secret/undelete/concourse/*" {
  capabilities = ["update"]
}
