# What the people who own the platform may do: put secrets where Concourse looks for them.
path "secret/data/concourse/*" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
path "secret/metadata/concourse/*" {
  capabilities = ["list", "read", "delete"]
}
path "secret/undelete/concourse/*" {
  capabilities = ["update"]
}
