// Command pulumi-resource-kubernetes serves Pulumi's Kubernetes provider from its Go module.
//
// The module's own command embeds two generated files that the module lacks. This one embeds the files that
// it has, which tools/servers.py lays over this folder for the build.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
)

var (
	//go:embed schema.json
	schema []byte
	//go:embed terraform-mapping.json
	mapping []byte
	version string
)

func main() {
	provider.Serve("kubernetes", version, schema, mapping)
}
