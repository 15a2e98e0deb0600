# Concourse may read the secrets in its own subtree. It may not list them.
path "secret/data/concourse/*" {
  capabilities = ["read"]
}
