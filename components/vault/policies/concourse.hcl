# What Concourse may read: its own subtree, and no list of it.
path "secret/data/concourse/*" {
  capabilities = ["read"]
}
